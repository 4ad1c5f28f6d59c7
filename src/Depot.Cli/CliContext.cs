using Depot.Cli.ControlPlane;
using Depot.Cli.Settings;

namespace Depot.Cli;

/// <summary>What of the outside world a command may touch.</summary>
internal sealed class CliContext
{
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(10);

    public required CliSettings Settings { get; init; }

    public required string WorkingFolder { get; init; }

    public required StandardStreams Streams { get; init; }

    /// <summary>Results, and nothing else.</summary>
    public required TextWriter Output { get; init; }

    /// <summary>Everything that is said along the way.</summary>
    public required TextWriter Error { get; init; }

    public TimeProvider Clock { get; init; } = TimeProvider.System;

    public void Warn(string text) => Error.WriteLine($"WARNING: {text}");

    /// <summary>The control plane, not yet connected to.</summary>
    public BuildApi OpenApi()
    {
        var (url, source) = Settings.ApiUrl;
        var endpoint = ApiEndpoint.Parse(url, source);
        var transport = ApiTransports.For(endpoint, Settings.UsesProxy(endpoint.Base), ConnectTimeout, Clock);
        return new BuildApi(new ConnectClient(endpoint, transport, Settings.UserAgent, Clock), Clock);
    }
}
