using System.Text.Json;
using Xunit.v3;

[assembly: AssemblyFixture(typeof(Site))]
[assembly: Parallelization(Mode = Xunit.Sdk.ParallelMode.None)]

namespace Slipway.AcceptanceTests.Support;

/// <summary>What one company would run, on this machine and for real: a Slipway server with a builder and its BuildKit, an image
/// registry, and a developer's local Docker.</summary>
public sealed class Site : IAsyncLifetime
{
    private readonly WorkFolder _folder = new("site");
    private readonly int _registryPort = Parts.FreePort();
    private RunningCommand? _slipway;

    /// <summary>The server with its builder; engines are its children.</summary>
    public int SlipwayProcessId => _slipway!.ProcessId;

    public string DataDirectory => _folder["data"];

    public Uri Url { get; private set; } = new("http://127.0.0.1:1");

    public string Token { get; private set; } = "";

    public string ProjectId { get; private set; } = "";

    public string OrganizationId { get; private set; } = "";

    /// <summary>The address of the registry without a password, as an image name begins with it.</summary>
    public string Registry => $"localhost:{_registryPort}";

    /// <summary>A small image with a shell, in <see cref="Registry"/>.</summary>
    public string BaseImage => $"{Registry}/base:1";

    /// <summary>The developer's own Docker.</summary>
    public string DockerHost { get; private set; } = "";

    /// <summary>The same as an OCI layout.</summary>
    public string BaseLayout => _folder["base/busybox"];

    public string RootFilesystem => _folder["base/rootfs"];

    public async ValueTask InitializeAsync()
    {
        await Script("eng/base-images.sh", _folder["base"]);
        await Script("eng/registry.sh", "start", _folder["registry"], _registryPort.ToString());
        var docker = await Script("eng/dev-docker.sh", "start", _folder["docker"]);
        DockerHost = docker.Output.Split('\n').Single(line => line.StartsWith("DOCKER_HOST=", StringComparison.Ordinal))["DOCKER_HOST=".Length..];
        await StartSlipwayAsync();
        await PushBaseImageAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_slipway is not null)
        {
            _slipway.Signal(PosixSignalNumber.Terminate);
            await _slipway.WaitAsync(TimeSpan.FromMinutes(1));
            await _slipway.DisposeAsync();
        }

        await Script("eng/dev-docker.sh", "stop", _folder["docker"]);
        await Script("eng/registry.sh", "stop", _folder["registry"]);
        _folder.Dispose();
    }

    /// <summary>Runs our client to its end.</summary>
    public Task<CommandResult> DepotAsync(params string[] arguments) => StartDepot(arguments).WaitAsync();

    public RunningCommand StartDepot(
        IEnumerable<string> arguments, IReadOnlyDictionary<string, string?>? environment = null, string? directory = null, byte[]? input = null) =>
        RunningCommand.Start(Parts.Depot, arguments, With(environment), directory, input);

    /// <summary>Runs the published client to its end.</summary>
    public RunningCommand StartPublishedDepot(IEnumerable<string> arguments, string? directory = null) =>
        RunningCommand.Start(Parts.PublishedDepot, arguments, With(null), directory);

    public Task<CommandResult> DockerAsync(params string[] arguments) =>
        RunningCommand.Start("docker", arguments, new Dictionary<string, string?> { ["DOCKER_HOST"] = DockerHost }).WaitAsync();

    public Task<CommandResult> AdminAsync(params string[] arguments) =>
        RunningCommand.Start(Parts.Slipway, ["admin", .. arguments], With(null)).WaitAsync();

    /// <summary>The environment that a caller of this site's server has, with <paramref name="changes"/> on top (null removes).</summary>
    public Dictionary<string, string?> With(IReadOnlyDictionary<string, string?>? changes)
    {
        var environment = new Dictionary<string, string?>
        {
            ["DEPOT_API_URL"] = Url.ToString().TrimEnd('/'),
            ["DEPOT_TOKEN"] = Token,
            ["DEPOT_PROJECT_ID"] = ProjectId,
            ["DEPOT_NO_UPDATE_NOTIFIER"] = "1",
            ["DEPOT_ERROR_TELEMETRY"] = "0",
            ["DOCKER_HOST"] = DockerHost,
            ["DOCKER_CONFIG"] = _folder["docker-config"],
            ["XDG_CONFIG_HOME"] = _folder["config"],
            ["HOME"] = _folder["home"],
            ["CI"] = "true",
        };
        foreach (var (name, value) in changes ?? new Dictionary<string, string?>())
        {
            environment[name] = value;
        }

        return environment;
    }

    private async Task StartSlipwayAsync()
    {
        _slipway = RunningCommand.Start(
            Parts.Slipway,
            ["up", "--data", DataDirectory, "--listen", $"127.0.0.1:{Parts.FreePort()}", "--builder-listen", $"127.0.0.1:{Parts.FreePort()}", "--builder-host-port", "all"]);
        await _slipway.SaysAsync("slipway is ready at ");
        using var credentials = JsonDocument.Parse(await File.ReadAllTextAsync(Path.Combine(DataDirectory, "credentials.json")));
        Url = new Uri(credentials.RootElement.GetProperty("apiUrl").GetString()!);
        Token = credentials.RootElement.GetProperty("token").GetString()!;
        ProjectId = credentials.RootElement.GetProperty("projectId").GetString()!;
        OrganizationId = credentials.RootElement.GetProperty("organizationId").GetString()!;
    }

    private async Task PushBaseImageAsync()
    {
        using var context = new WorkFolder().With("Dockerfile", "FROM scratch\nCOPY --from=rootfs / /\nENV PATH=/bin\nCMD [\"/bin/sh\"]\n");
        var built = await DepotAsync("build", "--build-context", $"rootfs={RootFilesystem}", "-t", BaseImage, "--push", context.Path);
        built.MustSucceed();
    }

    private static async Task<CommandResult> Script(string script, params string[] arguments) =>
        (await RunningCommand.Start(Path.Combine(Parts.Root, script), arguments).WaitAsync()).MustSucceed();
}
