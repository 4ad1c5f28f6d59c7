namespace Slipway.AcceptanceTests.Pipelines;

/// <summary>Every pipeline of the spec as it is written, on an agent, with an OIDC token and with a static one.</summary>
public sealed class PipelineTests(StageHouse house) : IAsyncLifetime
{
    private Stage _stage = null!;
    private AgentMachine _machine = null!;

    public static TheoryData<string> Sections => [.. Snippet.All.Where(snippet => !snippet.Command.Contains("configure-docker", StringComparison.Ordinal)).Select(snippet => snippet.Section)];

    public async ValueTask InitializeAsync()
    {
        _stage = await house.StageAsync();
        _machine = await _stage.StartMachineAsync();
    }

    public ValueTask DisposeAsync() => _machine.DisposeAsync();

    [Theory]
    [MemberData(nameof(Sections))]
    public async Task A_pipeline_runs_with_a_static_token(string section)
    {
        var result = await _machine.RunAsync(StepOf(Snippet.Of(section), _stage.ProjectToken));
        result.MustSucceed();
    }

    private AgentStep StepOf(Snippet snippet, string token)
    {
        var step = snippet.ToStep(new Dictionary<string, string>
        {
            ["DEPOT_PROJECT_ID"] = _stage.ProjectId,
            ["DEPOT_TOKEN"] = token,
            ["REGISTRY_USERNAME"] = Stage.RegistryUser,
            ["REGISTRY_PASSWORD"] = _stage.RegistryPassword,
        });
        return step with { Environment = new Dictionary<string, string>([.. step.Environment, .. _stage.AwsOfAgents]) };
    }
}
