namespace Slipway.Settings;

/// <summary>One thing that can be set: <c>--flag</c>, <c>SLIPWAY_FLAG</c>, and a key of <c>slipway.json</c>.</summary>
internal sealed record Setting(string Name, string Description)
{
    public static readonly Setting Data = new("data", "the folder that holds everything");
    public static readonly Setting Listen = new("listen", "ADDRESS:PORT of the API (default 127.0.0.1:8400)");
    public static readonly Setting PublicUrl = new("public-url", "how people and builders reach this server");
    public static readonly Setting TlsCert = new("tls-cert", "PEM file; with it and --tls-key the port speaks TLS");
    public static readonly Setting TlsKey = new("tls-key", "PEM file");
    public static readonly Setting LogLevel = new("log-level", "debug, information, warning or error");
    public static readonly Setting Emulation = new("emulation", "on or off: let a builder emulate an architecture that no builder has (default on)");
    public static readonly Setting BuilderServer = new("builder-server", "URL of the server");
    public static readonly Setting BuilderJoin = new("builder-join", "join token, used once (better in the environment: a command line is public)");
    public static readonly Setting BuilderData = new("builder-data", "the folder for caches and identity");
    public static readonly Setting BuilderListen = new("builder-listen", "ADDRESS:PORT where builds connect (default 0.0.0.0:8443)");
    public static readonly Setting BuilderAdvertise = new("builder-advertise", "HOST:PORT that clients are given");
    public static readonly Setting BuilderEngine = new("builder-engine", "auto, dockerd, buildkitd, a path, unix://… or tcp://…");
    public static readonly Setting BuilderName = new("builder-name", "a name for people (default: the host's)");
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
        Data, Listen, PublicUrl, TlsCert, TlsKey, LogLevel, Emulation, BuilderServer, BuilderJoin, BuilderData, BuilderListen, BuilderAdvertise,
        BuilderEngine, BuilderName, BuilderIdle, BuilderDrain, BuilderParallelism, BuilderBridgePool, BuilderHostPort, BuilderInsecure, BuilderMirror,
    ];

    public string Flag => "--" + Name;

    /// <summary>On <c>slipway builder</c> the word "builder" goes without saying.</summary>
    public string ShortFlag => "--" + (Name.StartsWith(BuilderPrefix, StringComparison.Ordinal) ? Name[BuilderPrefix.Length..] : Name);

    public string Variable => "SLIPWAY_" + Name.Replace('-', '_').ToUpperInvariant();

    public string Key => string.Concat(Name.Split('-').Select((word, i) => i == 0 ? word : char.ToUpperInvariant(word[0]) + word[1..]));
}
