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

    /// <summary>As Docker's own builder does: an image that is sent nowhere else goes into the local Docker.</summary>
    public bool LoadsByDefault { get; set; }

    /// <summary>Called in the place of Docker's buildx: does what that does, also where <c>depot</c> by its own name does more.</summary>
    public bool StandsInForBuildx { get; set; }

    /// <summary>How much of the build context is to be sent, for whoever shows progress.</summary>
    public UploadMeter Uploads { get; } = new();

    public void Warn(string text) => Error.WriteLine($"WARNING: {text}");

    private static StreamWriter Writer(Stream stream) => new(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false)) { AutoFlush = true, NewLine = "\n" };

    /// <summary>A person is there to answer questions.</summary>
    public bool IsInteractive => !Settings.IsCi && Terminal is { InIsTerminal: true, OutIsTerminal: true, ErrIsTerminal: true };

    /// <summary>The control plane's address.</summary>
    public ApiEndpoint Endpoint => field ??= ApiEndpoint.Parse(Settings.ApiUrl.Url, Settings.ApiUrl.Source);

    /// <summary>The control plane, not yet connected to.</summary>
    public BuildApi OpenApi() => new(Connect());

    /// <inheritdoc cref="OpenApi"/>
    public AccountApi OpenAccountApi() => new(Connect(), Clock);

    /// <inheritdoc cref="OpenApi"/>
    public ImageApi OpenImageApi() => new(Connect());

    private ConnectClient Connect() =>
        new(Endpoint, ApiTransports.For(Endpoint, Settings.Proxies, ConnectTimeout, Clock), Settings.UserAgent, Clock);

    /// <summary>.NET's own client, for other servers than the control plane: through the user's proxies, trusting whom the machine trusts.</summary>
    public HttpClient OpenHttp(bool followRedirects = true)
    {
        var http = new HttpClient(new SocketsHttpHandler
        {
            ConnectTimeout = ConnectTimeout,
            Proxy = Settings.Proxies,
            UseCookies = false,
            AllowAutoRedirect = followRedirects,
        });

        // Its shape is the published client's, which is no product/version of RFC 9110.
        http.DefaultRequestHeaders.TryAddWithoutValidation("User-Agent", Settings.UserAgent);
        return http;
    }
}
