namespace Slipway.AcceptanceTests.Pipelines;

/// <summary>One command step of a pipeline, on its way to an agent.</summary>
internal sealed record AgentStep
{
    public required string Command { get; init; }

    public BuildkiteJob Job { get; init; } = new();

    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    /// <summary>Bash that the hooks of plugins and of the agent run before the command.</summary>
    public string Hook { get; init; } = "";

    /// <summary>Bash that the hooks run after the command, whatever came of it.</summary>
    public string AfterHook { get; init; } = "";

    /// <summary>The checkout.</summary>
    public IReadOnlyDictionary<string, string> Files { get; init; } = Application();

    /// <summary>Whether a person types the commands: nothing of Buildkite's is set.</summary>
    public bool IsTyped { get; init; }

    /// <summary>Whether the agent's PATH has a folder that the agent may write to; on an untouched Elastic CI Stack it has none.</summary>
    public bool HasOwnFolderOnPath { get; init; } = true;

    /// <summary>An application that every processor may run, and that none has to run a step for.</summary>
    public static Dictionary<string, string> ForAnyProcessor() => new()
    {
        ["Dockerfile"] = "FROM scratch\nARG TARGETARCH\nLABEL for=$TARGETARCH\nCOPY word /word\n",
        ["word"] = Guid.NewGuid().ToString("N"),
    };

    /// <summary>An application that says what it was built from, and is nobody else's.</summary>
    public static Dictionary<string, string> Application(string? word = null) => new()
    {
        ["Dockerfile"] = $"FROM {Stage.BaseImage}\nCOPY word /word\nRUN echo \"built from $(cat /word)\" > /built\nCMD [\"cat\", \"/built\"]\n",
        ["word"] = word ?? Guid.NewGuid().ToString("N"),
        ["docker-compose.yml"] = $"services:\n  app:\n    build: .\n    image: {Stage.Registry}/app:${{BUILDKITE_BUILD_NUMBER}}\n",
    };
}
