namespace Slipway.AcceptanceTests.Support;

/// <summary>A registry for saved images beside a server that vouches for its callers, set up with the server's own words as an operator would.</summary>
public sealed class VouchedRegistry : IAsyncLifetime
{
    private readonly WorkFolder _folder = new("vouched");
    private readonly int _port = Parts.FreePort();
    private readonly Site _site;
    private RunningCommand? _registry;

    public VouchedRegistry(Site site)
    {
        _site = site;
        Pipeline = new PipelineWithForks(site, "--registry-url", $"http://{Host}");
    }

    public PipelineWithForks Pipeline { get; }

    /// <summary>As an image's name begins with it.</summary>
    public string Host => $"localhost:{_port}";

    public string ProjectId => Pipeline.ProjectId;

    public async ValueTask InitializeAsync()
    {
        await Pipeline.InitializeAsync();
        _folder.With("slipway.pem", (await Pipeline.Fleet.AdminAsync("registry", "certificates")).MustSucceed().Output);
        var config = await Pipeline.Fleet.AdminAsync(
            "registry", "config", "--certificates", _folder["slipway.pem"], "--storage", _folder["store"], "--listen", $"127.0.0.1:{_port}");
        _folder.With("config.yml", config.MustSucceed().Output);
        _registry = RunningCommand.Start("docker-registry", ["serve", _folder["config.yml"]]);
        await _registry.SaysAsync("listening on");
    }

    public async ValueTask DisposeAsync()
    {
        if (_registry is not null)
        {
            _registry.Signal(PosixSignalNumber.Terminate);
            await _registry.WaitAsync(TimeSpan.FromMinutes(1));
            await _registry.DisposeAsync();
        }

        await Pipeline.DisposeAsync();
        _folder.Dispose();
    }

    /// <summary>Runs one of the clients with the owner's token, or another one.</summary>
    public Task<CommandResult> DepotAsync(string client, string[] words, string? token = null, string? dockerConfig = null) =>
        RunningCommand.Start(client, words, With(token, dockerConfig)).WaitAsync();

    /// <summary>Runs the Docker CLI with a configuration of its own.</summary>
    public Task<CommandResult> DockerAsync(string dockerConfig, params string[] words) =>
        RunningCommand.Start("docker", words, With(token: null, dockerConfig)).WaitAsync();

    private Dictionary<string, string?> With(string? token, string? dockerConfig)
    {
        var environment = _site.With(Pipeline.Fleet.Environment);
        environment["DEPOT_TOKEN"] = token ?? environment["DEPOT_TOKEN"];
        environment["DOCKER_CONFIG"] = dockerConfig ?? environment["DOCKER_CONFIG"];
        return environment;
    }
}
