using System.Text.RegularExpressions;
using YamlDotNet.Serialization;
using YamlDotNet.Serialization.NamingConventions;

namespace Slipway.AcceptanceTests.Pipelines;

/// <summary>One pipeline of the documentation that users have before them (<c>spec.yml</c>), or what it lets somebody type.</summary>
public sealed partial class Snippet
{
    private const string BuildNumber = "${BUILDKITE_BUILD_NUMBER}";

    public string Section { get; set; } = "";

    public string Command { get; set; } = "";

    /// <summary>Whose shell it is for; empty for a pipeline's step.</summary>
    public string Shell { get; set; } = "";

    /// <summary>The variables that the step passes on from where the pipeline is uploaded: <c>NAME: "${NAME}"</c>.</summary>
    public List<string> Env { get; set; } = [];

    public List<string> Plugins { get; set; } = [];

    /// <summary>The command, with the host of the installer in it.</summary>
    public string Text => Command.Replace("INSTALLER", Stage.Url, StringComparison.Ordinal);

    public bool Builds => Command.Contains("build", StringComparison.Ordinal);

    /// <summary>The repository that it pushes to.</summary>
    public string? PushesTo => !Command.Contains("push", StringComparison.Ordinal) ? null
        : Command.Contains(Stage.Ecr, StringComparison.Ordinal) ? $"{Stage.Ecr}/my-app" : $"{Stage.Registry}/app";

    /// <summary>It pushes, and leaves the login to somebody else.</summary>
    public bool NeedsLogin => PushesTo is not null && Plugins.Count == 0 && !Command.Contains("docker login", StringComparison.Ordinal);

    /// <summary>The image that it leaves in the agent's Docker.</summary>
    public string? Loads => DockerBuild().Match(Command) is { Success: true } build ? build.Groups[1].Value : null;

    /// <summary>It asks which projects it reaches.</summary>
    public bool Lists => Command.Contains("projects list", StringComparison.Ordinal);

    /// <summary>The tags that it pushes.</summary>
    public IEnumerable<string> Tags => Command.Contains(":latest", StringComparison.Ordinal) ? [BuildNumber, "latest"] : [BuildNumber];

    public IReadOnlyList<string> Platforms => Command.Contains("linux/arm64", StringComparison.Ordinal) ? ["amd64", "arm64"] : [];

    public static IReadOnlyList<Snippet> All { get; } = Read();

    public static IReadOnlyList<Snippet> Pipelines { get; } = [.. All.Where(snippet => snippet.Shell.Length == 0)];

    public static Snippet Of(string section) => All.Single(snippet => snippet.Section == section);

    /// <summary>The step as it arrives at an agent, after the upload has replaced <c>${NAME}</c>.</summary>
    internal AgentStep ToStep(IReadOnlyDictionary<string, string> atUpload)
    {
        var job = new BuildkiteJob();
        return new AgentStep
        {
            Job = job,
            Command = Text.Replace(BuildNumber, $"{job.BuildNumber}", StringComparison.Ordinal),
            Environment = Env.ToDictionary(name => name, name => atUpload.GetValueOrDefault(name, "")),
            Files = Platforms.Count > 0 ? AgentStep.ForAnyProcessor() : AgentStep.Application(),
            Hook = Plugins.Contains("ecr")
                // What the plugin's environment hook comes down to.
                ? $"aws ecr get-login-password --region us-west-2 | docker login --username AWS --password-stdin {Stage.Ecr} || exit 1"
                : "",
        };
    }

    [GeneratedRegex(@"^docker build .*-t (\S+) \.$", RegexOptions.Multiline)]
    private static partial Regex DockerBuild();

    private static List<Snippet> Read()
    {
        using var text = File.OpenText(AgentMachine.Script("spec.yml"));
        return new DeserializerBuilder().WithNamingConvention(CamelCaseNamingConvention.Instance).Build().Deserialize<List<Snippet>>(text);
    }
}
