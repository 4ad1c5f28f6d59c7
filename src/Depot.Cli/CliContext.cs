using System.Text;
using Depot.Cli.ControlPlane;
using Depot.Cli.Rendering;
using Depot.Cli.Settings;

namespace Depot.Cli;

/// <summary>What of the outside world a command may touch.</summary>
internal sealed class CliContext
{
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(10);

    public required CliSettings Settings { get; init; }

    public required string WorkingFolder { get; init; }

    public required Terminal Terminal { get; init; }

    /// <summary>Results, and nothing else.</summary>
    public TextWriter Output => field ??= Writer(Terminal.Out);

    /// <summary>Everything that is said along the way.</summary>
    public TextWriter Error => field ??= Writer(Terminal.Err);

    public TimeProvider Clock { get; init; } = TimeProvider.System;

    public void Warn(string text) => Error.WriteLine($"WARNING: {text}");

    private static StreamWriter Writer(Stream stream) => new(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false)) { AutoFlush = true, NewLine = "\n" };

    /// <summary>The control plane, not yet connected to.</summary>
    public BuildApi OpenApi()
    {
        var (url, source) = Settings.ApiUrl;
        var endpoint = ApiEndpoint.Parse(url, source);
        var transport = ApiTransports.For(endpoint, Settings.UsesProxy(endpoint.Base), ConnectTimeout, Clock);
        return new BuildApi(new ConnectClient(endpoint, transport, Settings.UserAgent, Clock), Clock);
    }
}
