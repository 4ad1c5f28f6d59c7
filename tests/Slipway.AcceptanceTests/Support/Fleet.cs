using System.Text.Json;

namespace Slipway.AcceptanceTests.Support;

/// <summary>A server and a builder as separate processes, so that a test can kill one of them.</summary>
public sealed class Fleet : IAsyncDisposable
{
    private readonly WorkFolder _folder = new("fleet");
    private readonly string _listen = $"127.0.0.1:{Parts.FreePort()}";
    private readonly Site _site;
    private readonly string? _builderFolder;

    private readonly string[] _serverOptions;

    private Fleet(Site site, string? builderFolder, string[] serverOptions) => (_site, _builderFolder, _serverOptions) = (site, builderFolder, serverOptions);

    public RunningCommand? Server { get; private set; }

    public RunningCommand? Builder { get; private set; }

    /// <summary>A second builder on the same machine, when a test asked for one.</summary>
    public RunningCommand? SecondBuilder { get; private set; }

    public Dictionary<string, string?> Environment { get; } = [];

    public string DataDirectory => _folder["server"];

    public static Task<Fleet> StartAsync(Site site, params string[] builderOptions) => StartAsync(site, null, builderOptions);

    /// <param name="builderFolder">Where the builder keeps its data; a folder of the fleet's own when null.</param>
    public static async Task<Fleet> StartAsync(Site site, string? builderFolder, string[] builderOptions, string[]? serverOptions = null)
    {
        var fleet = new Fleet(site, builderFolder, serverOptions ?? []);
        await fleet.StartServerAsync();
        using var credentials = JsonDocument.Parse(await File.ReadAllTextAsync(Path.Combine(fleet.DataDirectory, "credentials.json")));
        fleet.Environment["DEPOT_API_URL"] = $"http://{fleet._listen}";
        fleet.Environment["DEPOT_TOKEN"] = credentials.RootElement.GetProperty("token").GetString();
        fleet.Environment["DEPOT_PROJECT_ID"] = credentials.RootElement.GetProperty("projectId").GetString();
        await fleet.StartBuilderAsync(builderOptions);
        return fleet;
    }

    public async Task StartServerAsync()
    {
        Server = RunningCommand.Start(Parts.Slipway, ["server", "--data", DataDirectory, "--listen", _listen, .. _serverOptions]);
        await Server.SaysAsync("slipway is ready at ");
    }

    public async Task StartBuilderAsync(params string[] options) => Builder = await StartBuilderAsync("builder", options);

    public async Task StartSecondBuilderAsync(params string[] options) => SecondBuilder = await StartBuilderAsync("second", options);

    private async Task<RunningCommand> StartBuilderAsync(string name, string[] options)
    {
        var join = (await RunningCommand.Start(Parts.Slipway, ["admin", "builder", "join-token", "--data", DataDirectory, "--json"]).WaitAsync()).MustSucceed();
        using var token = JsonDocument.Parse(join.Output);
        var builder = RunningCommand.Start(
            Parts.Slipway,
            ["builder", .. options.Contains("--host-port") ? Array.Empty<string>() : ["--host-port", "all"], "--server", $"http://{_listen}",
                "--join", token.RootElement.GetProperty("token").GetString()!, "--data", _builderFolder ?? _folder[name],
                "--listen", $"127.0.0.1:{Parts.FreePort()}", .. options]);
        await builder.SaysAsync("attached to ");
        return builder;
    }

    public RunningCommand StartDepot(params string[] arguments) => RunningCommand.Start(Parts.Depot, arguments, _site.With(Environment));

    public Task<CommandResult> DepotAsync(params string[] arguments) => StartDepot(arguments).WaitAsync();

    public Task<CommandResult> AdminAsync(params string[] arguments) =>
        RunningCommand.Start(Parts.Slipway, ["admin", .. arguments], _site.With(Environment)).WaitAsync();

    public async ValueTask DisposeAsync()
    {
        foreach (var part in new[] { Builder, SecondBuilder, Server })
        {
            if (part is { HasExited: false })
            {
                part.Signal(PosixSignalNumber.Continue);
                part.Signal(PosixSignalNumber.Terminate);
                await part.WaitAsync(TimeSpan.FromMinutes(1));
            }

            if (part is not null)
            {
                await part.DisposeAsync();
            }
        }

        _folder.Dispose();
    }
}
