namespace Slipway.AcceptanceTests.Pipelines;

/// <summary>One job of a Buildkite build, as its agent and its OIDC tokens describe it.</summary>
internal sealed record BuildkiteJob
{
    private static int s_builds = 100;

    public string Id { get; } = Guid.NewGuid().ToString();

    public string AgentId { get; } = Guid.NewGuid().ToString();

    public string AccessToken { get; } = $"bkaj_{Guid.NewGuid():N}";

    public string Organization { get; init; } = "acme";

    public string Pipeline { get; init; } = "app";

    public string Branch { get; init; } = "main";

    public string Commit { get; } = Guid.NewGuid().ToString("N");

    public string Step { get; init; } = "build";

    public int BuildNumber { get; } = Interlocked.Increment(ref s_builds);

    public bool MayAskForTokens { get; init; } = true;

    /// <summary>What the agent sets for every command.</summary>
    public IEnumerable<KeyValuePair<string, string>> Environment =>
    [
        new("CI", "true"),
        new("BUILDKITE", "true"),
        new("BUILDKITE_AGENT_ACCESS_TOKEN", AccessToken),
        new("BUILDKITE_AGENT_ENDPOINT", $"{BuildkiteApi.Issuer}/v3"),
        new("BUILDKITE_AGENT_ID", AgentId),
        new("BUILDKITE_BRANCH", Branch),
        new("BUILDKITE_BUILD_NUMBER", $"{BuildNumber}"),
        new("BUILDKITE_COMMIT", Commit),
        new("BUILDKITE_JOB_ID", Id),
        new("BUILDKITE_ORGANIZATION_SLUG", Organization),
        new("BUILDKITE_PIPELINE_SLUG", Pipeline),
        new("BUILDKITE_STEP_KEY", Step),
    ];
}
