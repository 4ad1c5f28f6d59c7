namespace Slipway.AcceptanceTests.Pipelines;

/// <summary>Docker's credential helpers as their makers publish them, asked on the agent when the builder needs a login.</summary>
public sealed class CredentialHelperTests(StageHouse house) : IAsyncLifetime
{
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
    public async Task Amazons_helper_fetches_the_login_of_a_push_to_ECR()
    {
        var result = await RunAsync(
            $$"""
            echo '{"credHelpers": { "{{Stage.Ecr}}": "ecr-login" } }' > "$DOCKER_CONFIG/config.json"
            depot build -t {{Stage.Ecr}}/app:helper --push .
            """,
            _stage.AwsOfAgents);
        Assert.DoesNotContain(Stage.EcrPassword, result.MustSucceed().Output);

        // Whoever has no rights in AWS hears what the helper says.
        var stranger = await RunAsync(
            $$"""
            echo '{"credHelpers": { "{{Stage.Ecr}}": "ecr-login" } }' > "$DOCKER_CONFIG/config.json"
            depot build -t {{Stage.Ecr}}/app:stranger --push .
            """,
            _stage.AwsOfStrangers);
        Assert.NotEqual(0, stranger.ExitCode);
        Assert.Contains(Stage.Ecr, stranger.Output);
    }

    [Fact]
    public async Task A_login_that_docker_keeps_in_pass_is_found_there()
    {
        // On PATH of this machine alone: where it is there, `docker login` keeps everybody's passwords in it.
        (await _machine.RunAsRootAsync($"install -m 0755 {Path.Combine(Parts.Root, "out/parts/docker-credential-pass")} /usr/local/bin/")).MustSucceed();
        var result = await RunAsync(
            $$"""
            export GNUPGHOME=$HOME/.gnupg
            mkdir -m 700 "$GNUPGHOME"
            gpg --batch --quiet --passphrase '' --quick-generate-key ci@example.com default default never
            pass init ci@example.com
            {{_stage.RegistryLogin}}
            grep -q '"credsStore": "pass"' "$DOCKER_CONFIG/config.json"
            ! grep -q '"auth"' "$DOCKER_CONFIG/config.json"
            depot build -t {{Stage.Registry}}/app:pass --push .
            gpgconf --kill all
            """,
            new Dictionary<string, string>());
        Assert.DoesNotContain(_stage.RegistryPassword, result.MustSucceed().Output);
    }

    private Task<CommandResult> RunAsync(string command, IReadOnlyDictionary<string, string> aws) => _machine.RunAsync(new AgentStep
    {
        Command = command,
        Environment = new Dictionary<string, string>(aws) { ["DEPOT_PROJECT_ID"] = _stage.ProjectId, ["DEPOT_TOKEN"] = _stage.ProjectToken },
    });
}
