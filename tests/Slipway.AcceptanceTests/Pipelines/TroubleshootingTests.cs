namespace Slipway.AcceptanceTests.Pipelines;

/// <summary>The cases of the spec's Troubleshooting section: each fails with words that say what to do.</summary>
public sealed class TroubleshootingTests(StageHouse house) : IAsyncLifetime
{
    private const string Build = "depot build -t your-registry.example.com/app:1 .";

    private Stage _stage = null!;
    private AgentMachine _machine = null!;

    public async ValueTask InitializeAsync()
    {
        _stage = await house.StageAsync();
        _machine = await _stage.StartMachineAsync();
        (await _machine.RunAsRootAsync($"curl -sL {Stage.Url}/install-cli.sh | DEPOT_INSTALL_DIR=/usr/local/bin sh")).MustSucceed();
    }

    public ValueTask DisposeAsync() => _machine.DisposeAsync();

    [Fact]
    public async Task Without_credentials_the_step_is_told_how_to_get_some()
    {
        var result = await RunAsync(Build, new BuildkiteJob { MayAskForTokens = false }, ("DEPOT_PROJECT_ID", _stage.ProjectId));
        Says(result, "OIDC tokens are not enabled for this job");
    }

    [Theory]
    [InlineData("slpp_0000000000000000000000000000000000000", "the token of DEPOT_TOKEN is malformed")]
    [InlineData("your-depot-token", "unauthenticated")]
    public async Task Invalid_credentials_are_called_so(string token, string expected)
    {
        var result = await RunAsync(Build, new BuildkiteJob(), ("DEPOT_PROJECT_ID", _stage.ProjectId), ("DEPOT_TOKEN", token));
        Says(result, expected);
        Assert.DoesNotContain(token, result.Output);
    }

    [Fact]
    public async Task A_pipeline_without_a_trust_relationship_is_refused()
    {
        var result = await RunAsync(Build, new BuildkiteJob { Pipeline = "another" }, ("DEPOT_PROJECT_ID", _stage.ProjectId));
        Says(result, "pipeline");
    }

    [Fact]
    public async Task Without_a_project_the_ways_to_name_one_are_named()
    {
        var result = await RunAsync(Build, new BuildkiteJob(), ("DEPOT_PROJECT_ID", ""), ("DEPOT_TOKEN", _stage.OwnerToken));
        Says(result, "missing project ID");
    }

    [Fact]
    public async Task A_project_out_of_reach_looks_absent()
    {
        var result = await RunAsync(Build, new BuildkiteJob(), ("DEPOT_PROJECT_ID", "pnosuchproj"), ("DEPOT_TOKEN", _stage.ProjectToken));
        Says(result, "no access to project");
    }

    [Fact]
    public async Task Without_the_client_the_shell_says_so()
    {
        await using var bare = await _stage.StartMachineAsync();
        var result = await bare.RunAsync(new AgentStep { Command = Build });
        Assert.Contains("depot: command not found", result.MustFail(127).Output);
    }

    [Fact]
    public async Task A_server_out_of_reach_is_named()
    {
        var result = await RunAsync(Build, new BuildkiteJob(), ("DEPOT_API_URL", $"{Stage.Url}:9"), ("DEPOT_PROJECT_ID", "p"), ("DEPOT_TOKEN", _stage.ProjectToken));
        Says(result, $"{Stage.Server}:9");
    }

    [Fact]
    public async Task A_context_that_is_too_large_is_told_with_what_makes_it_so()
    {
        var result = await RunAsync(
            """
            sed -i 's#COPY word /word#COPY . /#' Dockerfile
            mkdir -p node_modules/library
            truncate -s 130M node_modules/library/blob
            truncate -s 7M data.bin
            depot build .
            echo 'node_modules' > .dockerignore
            depot build .
            """,
            new BuildkiteJob(), ("DEPOT_PROJECT_ID", _stage.ProjectId), ("DEPOT_TOKEN", _stage.ProjectToken));
        var output = result.MustSucceed().Output;
        Assert.Matches(@"\[depot\] the context is large: 143\.6[56]MB, mostly node_modules/ 136\.31MB, data\.bin 7\.34MB, ", output);
        Assert.Contains("[depot] what the build does not need of it, .dockerignore leaves out", output);
        Assert.DoesNotContain("the context is large", output[output.LastIndexOf("[depot] build:", StringComparison.Ordinal)..]);
    }

    [Fact]
    public async Task Docker_that_is_not_configured_builds_on_the_agent_without_depots_lines()
    {
        var result = await RunAsync("docker build -t my-image .", new BuildkiteJob(), ("DEPOT_PROJECT_ID", _stage.ProjectId), ("DEPOT_TOKEN", _stage.ProjectToken));
        Assert.DoesNotContain("[depot]", result.MustSucceed().Output);
    }

    [Theory]
    [InlineData("")]
    [InlineData("""mkdir -p "$DOCKER_CONFIG"; echo '{"auths": {"your-registry.example.com": {"auth": "Y2k6d3Jvbmc="}}}' > "$DOCKER_CONFIG/config.json" """)]
    public async Task A_push_that_is_refused_names_the_login_that_is_missing(string login)
    {
        var result = await RunAsync(
            $"{login}\ndepot build -t your-registry.example.com/app:1 --push .", new BuildkiteJob(), ("DEPOT_PROJECT_ID", _stage.ProjectId), ("DEPOT_TOKEN", _stage.ProjectToken));
        Says(result, "failed to push your-registry.example.com/app:1");
        Says(result, "run `docker login your-registry.example.com` here");
    }

    [Fact]
    public async Task A_secret_that_is_missing_or_forbidden_ends_in_the_missing_token()
    {
        const string fetch = "export DEPOT_TOKEN=$(aws secretsmanager get-secret-value --secret-id NAME --query SecretString --output text)\n" + Build;
        var forbidden = await RunAsync(
            fetch.Replace("NAME", "buildkite/depot-token", StringComparison.Ordinal), new BuildkiteJob { MayAskForTokens = false }, With(_stage.AwsOfStrangers));
        Says(forbidden, "AccessDenied");
        Says(forbidden, "OIDC tokens are not enabled for this job");
        var missing = await RunAsync(
            fetch.Replace("NAME", "buildkite/depot-token-absent", StringComparison.Ordinal), new BuildkiteJob { MayAskForTokens = false }, With(_stage.AwsOfOperators));
        Says(missing, "ResourceNotFoundException");
        var described = await RunAsync("aws secretsmanager describe-secret --secret-id buildkite/depot-token", new BuildkiteJob(), With(_stage.AwsOfOperators));
        Assert.Contains("\"Name\": \"buildkite/depot-token\"", described.MustSucceed().Output);
    }

    private Task<CommandResult> RunAsync(string command, BuildkiteJob job, params (string Name, string Value)[] environment) =>
        RunAsync(command, job, environment.ToDictionary(variable => variable.Name, variable => variable.Value));

    private Task<CommandResult> RunAsync(string command, BuildkiteJob job, IReadOnlyDictionary<string, string> environment) =>
        _machine.RunAsync(new AgentStep { Command = command, Job = job, Environment = environment });

    private Dictionary<string, string> With(IReadOnlyDictionary<string, string> aws) => new(aws) { ["DEPOT_PROJECT_ID"] = _stage.ProjectId };

    private static void Says(CommandResult result, string words)
    {
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains(words, result.Output);
        Assert.DoesNotContain("   at ", result.Output);
    }
}
