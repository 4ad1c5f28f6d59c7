using Depot.Cli.Flags;

namespace Depot.Cli.ControlPlane;

/// <summary>The control plane's address.</summary>
/// <param name="Base">Scheme, host, port and, behind some proxies, a path.</param>
/// <param name="Source">Where the address was set, for error texts.</param>
internal sealed record ApiEndpoint(Uri Base, string Source)
{
    public bool IsTls => Base.Scheme == Uri.UriSchemeHttps;

    /// <summary>The address as the user wrote it, without a trailing slash.</summary>
    public string Text => Base.AbsoluteUri.TrimEnd('/');

    public static ApiEndpoint Parse(string text, string source) =>
        Uri.TryCreate(text, UriKind.Absolute, out var url) && (url.Scheme is "http" or "https") && url.Host.Length > 0
            ? new ApiEndpoint(url, source)
            : throw new CliException($"{source} is not an address of a server: {GoText.Quote(text)}")
            {
                Remedy = "Write it as http://HOST:PORT or https://HOST.",
            };

    /// <summary>The path of a procedure (<c>depot.cli.v1.BuildService/CreateBuild</c>).</summary>
    public string PathOf(string procedure) => $"{Base.AbsolutePath.TrimEnd('/')}/{procedure}";
}
