using System.Net;

namespace Slipway.Server;

/// <summary>Everything a server can be told. The executable fills it from flags, environment and file; nothing here reads them.</summary>
public sealed record ServerOptions
{
    public const string DefaultListen = "127.0.0.1:8400";

    public required string DataDirectory { get; init; }

    /// <summary>ADDRESS:PORT; port 0 takes any free one.</summary>
    public string Listen { get; init; } = DefaultListen;

    /// <summary>How people and builders reach this server; the listening address when null.</summary>
    public string? PublicUrl { get; init; }

    /// <summary>PEM files; with them the port speaks TLS instead of cleartext.</summary>
    public string? TlsCertificate { get; init; }

    public string? TlsKey { get; init; }

    /// <summary>The folder with the client's archives; null serves none.</summary>
    public string? DownloadsDirectory { get; init; }

    /// <summary>Issuers of CI tokens that may be plain http, on this machine: for tests only.</summary>
    public IReadOnlyList<string> InsecureIssuers { get; init; } = [];

    /// <summary>Issuers of CI tokens that are in the operator's own network, such as a self-hosted GitLab.</summary>
    public IReadOnlyList<string> PrivateIssuers { get; init; } = [];

    /// <summary>The way out of the operator's network, for issuers' keys; null: straight.</summary>
    public IWebProxy? Proxy { get; init; }

    /// <summary>The OpenID Connect provider that people sign in with; none when null.</summary>
    public string? SignInIssuer { get; init; }

    public string? SignInClientId { get; init; }

    /// <summary>A file with the client's secret.</summary>
    public string? SignInClientSecretFile { get; init; }

    /// <summary>What the button on the sign-in page calls the provider.</summary>
    public string? SignInName { get; init; }

    /// <summary>Addresses whose word for where a call came from is believed: the proxies in front of this server.</summary>
    public IReadOnlyList<string> TrustedProxies { get; init; } = [];

    /// <summary>The registry that the operator runs for saved images, as its clients reach it; none when null.</summary>
    public string? RegistryUrl { get; init; }

    /// <summary>Whether a builder of another architecture serves a platform, by emulation, while there is none of its own.</summary>
    public bool Emulation { get; init; } = true;

    public LogLevel LogLevel { get; init; } = LogLevel.Information;

    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>Every problem with these options, one sentence each; empty when they are sound.</summary>
    public IReadOnlyList<string> Validate()
    {
        var problems = new List<string>();
        if (DataDirectory.Length == 0)
        {
            problems.Add("the data folder is empty: set --data DIR");
        }

        if (!TryParseListen(Listen, out _))
        {
            problems.Add($"the listen address is \"{Listen}\": it must be ADDRESS:PORT, for example {DefaultListen}");
        }

        if (PublicUrl is { } url && !(Uri.TryCreate(url, UriKind.Absolute, out var parsed) && parsed.Scheme is "http" or "https"))
        {
            problems.Add($"the public URL is \"{url}\": it must begin with http:// or https://");
        }

        if (DownloadsDirectory is { } downloads && !Directory.Exists(downloads))
        {
            problems.Add($"the downloads folder {downloads} does not exist: make it with ./build --all, or leave --downloads out");
        }

        ValidateRegistry(problems);
        if (TlsCertificate is null != TlsKey is null)
        {
            problems.Add("TLS needs both files: --tls-cert FILE and --tls-key FILE");
        }

        ValidateIdentity(problems);
        return problems;
    }

    internal static bool TryParseListen(string text, out IPEndPoint endpoint)
    {
        endpoint = new IPEndPoint(IPAddress.Loopback, 0);
        var colon = text.LastIndexOf(':');
        if (colon < 0)
        {
            return false;
        }

        var withAddress = text.StartsWith("localhost:", StringComparison.OrdinalIgnoreCase) ? "127.0.0.1" + text[colon..] : text;
        return IPEndPoint.TryParse(withAddress, out endpoint!);
    }

    internal TlsIdentity? LoadTls() => TlsCertificate is { } certificate ? TlsIdentity.Load(certificate, TlsKey!) : null;

    private void ValidateIdentity(List<string> problems)
    {
        foreach (var issuer in InsecureIssuers)
        {
            if (!Uri.TryCreate(issuer, UriKind.Absolute, out var address) || address.Scheme != "http" || !address.IsLoopback)
            {
                problems.Add($"the insecure issuer is \"{issuer}\": it must be an http:// URL of this machine, for tests");
            }
        }

        foreach (var issuer in PrivateIssuers.Where(issuer => !issuer.StartsWith("https://", StringComparison.Ordinal)))
        {
            problems.Add($"the private issuer is \"{issuer}\": it must begin with https://");
        }

        foreach (var proxy in TrustedProxies.Where(proxy => !IPNetwork.TryParse(proxy, out _) && !IPAddress.TryParse(proxy, out _)))
        {
            problems.Add($"the trusted proxy is \"{proxy}\": it must be an address or a network such as 10.0.0.0/8");
        }

        if (SignInIssuer is null)
        {
            return;
        }

        if (!Uri.TryCreate(SignInIssuer, UriKind.Absolute, out var provider) || (provider.Scheme != "https" && !provider.IsLoopback))
        {
            problems.Add($"the sign-in issuer is \"{SignInIssuer}\": it must begin with https://");
        }

        if (SignInClientId is null || SignInClientSecretFile is null || !File.Exists(SignInClientSecretFile))
        {
            problems.Add("people cannot sign in through the provider without --sign-in-client-id ID and --sign-in-client-secret-file FILE, which must be there");
        }
    }

    // An image's name has room for a host and a port only; over plain http its tokens could be read on the way.
    private void ValidateRegistry(List<string> problems)
    {
        if (PublicUrl is null && RegistryUrl?.StartsWith("https:", StringComparison.OrdinalIgnoreCase) == true)
        {
            problems.Add("the registry's clients get their tokens from this server, wherever they are: set --public-url URL beside --registry-url");
        }

        if (RegistryUrl is { } url && !(Uri.TryCreate(url, UriKind.Absolute, out var registry)
            && (registry.Scheme == "https" || (registry.Scheme == "http" && registry.IsLoopback)) && registry.PathAndQuery == "/" && registry.UserInfo.Length == 0))
        {
            problems.Add($"the registry URL {(url.Contains('@', StringComparison.Ordinal) ? "has a login in it" : $"is \"{url}\"")}: it must be https://HOST or https://HOST:PORT (http only on this machine)");
        }
    }
}
