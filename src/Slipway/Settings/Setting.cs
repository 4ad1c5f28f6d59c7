namespace Slipway.Settings;

/// <summary>One thing that can be set: <c>--flag</c>, <c>SLIPWAY_FLAG</c>, and a key of <c>slipway.json</c>.</summary>
internal sealed record Setting(string Name, string Description)
{
    public static readonly Setting Data = new("data", "the folder that holds everything");
    public static readonly Setting Listen = new("listen", "ADDRESS:PORT of the API (default 127.0.0.1:8400)");
    public static readonly Setting PublicUrl = new("public-url", "how people and builders reach this server");
    public static readonly Setting TlsCert = new("tls-cert", "PEM file; with it and --tls-key the port speaks TLS");
    public static readonly Setting TlsKey = new("tls-key", "PEM file");
    public static readonly Setting Downloads = new("downloads", "the folder with the client's archives (default: downloads, beside this program)");
    public static readonly Setting LogLevel = new("log-level", "debug, information, warning or error");
    public static readonly Setting OidcInsecure = new(
        "oidc-allow-insecure-issuer", "http issuer of CI tokens on this machine to believe nevertheless: for tests only");
    public static readonly Setting OidcPrivate = new("oidc-allow-private-issuer", "issuer of CI tokens in your own network, such as a self-hosted GitLab");
    public static readonly Setting SignInIssuer = new("sign-in-issuer", "OpenID Connect provider that people sign in with");
    public static readonly Setting SignInClient = new("sign-in-client-id", "this server's client id there");
    public static readonly Setting SignInSecret = new("sign-in-client-secret-file", "file with the client's secret");
    public static readonly Setting SignInName = new("sign-in-name", "what the sign-in page calls the provider (default: its host)");
    public static readonly Setting TrustedProxy = new("trusted-proxy", "address or network of a proxy whose X-Forwarded-For is believed");
    public static readonly Setting Registry = new("registry-url", "the registry that you run for saved images, as its clients reach it (default: none)");
    public static readonly Setting Emulation = new("emulation", "on or off: let a builder emulate an architecture that no builder has (default on)");
    public static readonly Setting BuilderServer = new("builder-server", "URL of the server");
    public static readonly Setting BuilderJoin = new("builder-join", "join token, used once (better in the environment: a command line is public)");
    public static readonly Setting BuilderData = new("builder-data", "the folder for caches and identity");
    public static readonly Setting BuilderListen = new("builder-listen", "ADDRESS:PORT where builds connect (default 0.0.0.0:8443)");
    public static readonly Setting BuilderAdvertise = new("builder-advertise", "HOST:PORT that clients are given");
    public static readonly Setting BuilderEngine = new("builder-engine", "auto, dockerd, buildkitd, a path, unix://… or tcp://…");
    public static readonly Setting BuilderName = new("builder-name", "a name for people (default: the host's)");
    public static readonly Setting BuilderArchitecture = new("builder-architecture", "amd64 or arm64: whose builds come here, emulated if need be (default: the machine's)");
    public static readonly Setting BuilderIdle = new("builder-idle", "stop an engine after this time without builds (default 10m, 0s keeps it)");
    public static readonly Setting BuilderDrain = new("builder-drain", "how long a stop waits for running builds (default 5m)");
    public static readonly Setting BuilderParallelism = new("builder-max-parallelism", "steps that one engine runs at a time");
    public static readonly Setting BuilderBridgePool = new("builder-bridge-pool", "network that engines' own networks are cut from (default 10.213.0.0/16)");
    public static readonly Setting BuilderHostPort = new("builder-host-port", "TCP port of this machine that engines may reach, also as localhost:PORT, or all (default: none)");
    public static readonly Setting BuilderInsecure = new("builder-insecure-registry", "registry (HOST:PORT) that engines may speak plain HTTP with");
    public static readonly Setting BuilderMirror = new("builder-registry-mirror", "mirror of Docker Hub");

    private const string BuilderPrefix = "builder-";

    public static IReadOnlyList<Setting> All { get; } =
    [
        Data, Listen, PublicUrl, TlsCert, TlsKey, Downloads, LogLevel, OidcInsecure, OidcPrivate, SignInIssuer, SignInClient, SignInSecret, SignInName,
        TrustedProxy, Registry, Emulation, BuilderServer, BuilderJoin, BuilderData, BuilderListen, BuilderAdvertise,
        BuilderEngine, BuilderName, BuilderArchitecture, BuilderIdle, BuilderDrain, BuilderParallelism, BuilderBridgePool, BuilderHostPort, BuilderInsecure, BuilderMirror,
    ];

    public string Flag => "--" + Name;

    /// <summary>On <c>slipway builder</c> the word "builder" goes without saying.</summary>
    public string ShortFlag => "--" + (Name.StartsWith(BuilderPrefix, StringComparison.Ordinal) ? Name[BuilderPrefix.Length..] : Name);

    public string Variable => "SLIPWAY_" + Name.Replace('-', '_').ToUpperInvariant();

    public string Key => string.Concat(Name.Split('-').Select((word, i) => i == 0 ? word : char.ToUpperInvariant(word[0]) + word[1..]));
}
