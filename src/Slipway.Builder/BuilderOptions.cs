using System.Globalization;
using System.Net;

namespace Slipway.Builder;

/// <summary>Everything a builder can be told. The executable fills it from flags, environment and file; nothing here reads them.</summary>
public sealed record BuilderOptions
{
    /// <summary>Unix socket paths end at 107 bytes (sun_path in unix(7)); the longest below the data folder takes 47.</summary>
    internal const int DataDirectoryLengthMax = 60;

    /// <summary>The server's public URL, http or https.</summary>
    public required Uri Server { get; init; }

    /// <summary>Traded once for an identity (slpj_…); ignored by a builder that has one.</summary>
    public string? JoinToken { get; init; }

    public required string DataDirectory { get; init; }

    /// <summary>Where builds connect; port 0 takes any free one.</summary>
    public string Listen { get; init; } = "0.0.0.0:8443";

    /// <summary>host:port that clients are given; derived from <see cref="Listen"/> and the machine's addresses when null.</summary>
    public string? Advertise { get; init; }

    /// <summary><c>auto</c>, <c>dockerd</c>, <c>buildkitd</c>, a path to either, or the address of a running buildkitd (<c>unix://</c>, <c>tcp://</c>).</summary>
    public string Engine { get; init; } = "auto";

    /// <summary>A name for people; the machine's host name when null.</summary>
    public string? Name { get; init; }

    /// <summary>The architecture whose builds come here, <c>amd64</c> or <c>arm64</c>, by emulation if it is not the machine's own; null is the machine's own.</summary>
    public string? Architecture { get; init; }

    /// <summary>An engine without builds is stopped after this long; zero keeps it.</summary>
    public TimeSpan EngineIdle { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How long <c>drain</c> waits for running builds.</summary>
    public TimeSpan DrainLimit { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Build steps that one engine runs at a time; null leaves it to the engine.</summary>
    public int? MaxParallelism { get; init; }

    /// <summary>Registries (host:port) that engines may speak plain HTTP with, or HTTPS with an unknown certificate.</summary>
    public IReadOnlyList<string> InsecureRegistries { get; init; } = [];

    /// <summary>Mirrors of Docker Hub, as URLs or host:port.</summary>
    public IReadOnlyList<string> RegistryMirrors { get; init; } = [];

    /// <summary>In <see cref="HostPorts"/>: every port.</summary>
    internal const string AllPorts = "all";

    /// <summary>TCP ports of this machine that engines may reach, also as <c>localhost:PORT</c>: a registry beside the builder. Or <c>all</c>.</summary>
    public IReadOnlyList<string> HostPorts { get; init; } = [];

    /// <summary>The network that engines' own networks are cut from, one /24 each.</summary>
    public string BridgePool { get; init; } = "10.213.0.0/16";

    /// <summary>Where programs are looked for, folders separated by colons. The executable puts its PATH in front.</summary>
    public string SearchPath { get; init; } = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    /// <summary>The whole environment of engines beside PATH and HOME: proxy settings, for example. The builder's own is not passed on.</summary>
    public IReadOnlyDictionary<string, string> EngineEnvironment { get; init; } = new Dictionary<string, string>();

    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>Every problem with these options, one sentence each; empty when they are sound.</summary>
    public IReadOnlyList<string> Validate()
    {
        var problems = new List<string>();
        if (!Server.IsAbsoluteUri || Server.Scheme is not ("http" or "https"))
        {
            problems.Add($"the server URL is {Server}: it must begin with http:// or https://");
        }

        if (DataDirectory.Length is 0 or > DataDirectoryLengthMax)
        {
            problems.Add($"the data folder is \"{DataDirectory}\": its path must have 1 to {DataDirectoryLengthMax} characters, "
                + "because engines' sockets lie below it");
        }

        if (!TryParseListen(Listen, out _))
        {
            problems.Add($"the listen address is \"{Listen}\": it must be ADDRESS:PORT, for example 0.0.0.0:8443");
        }

        if (Advertise is { } advertise && !IsHostAndPort(advertise))
        {
            problems.Add($"the advertised address is \"{advertise}\": it must be HOST:PORT");
        }

        if (Architecture is not (null or "amd64" or "arm64"))
        {
            problems.Add($"the architecture is \"{Architecture}\": it must be amd64 or arm64");
        }

        ValidateEngine(problems);
        return problems;
    }

    internal static bool TryParseListen(string text, out IPEndPoint endpoint)
    {
        endpoint = new IPEndPoint(IPAddress.Any, 0);
        return text.Contains(':', StringComparison.Ordinal) && IPEndPoint.TryParse(text, out endpoint!);
    }

    private static bool IsHostAndPort(string text)
    {
        var colon = text.LastIndexOf(':');
        return colon > 0
            && ushort.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port > 0
            && Uri.CheckHostName(text[..colon].Trim('[', ']')) != UriHostNameType.Unknown;
    }

    private void ValidateEngine(List<string> problems)
    {
        if (Engine is not ("auto" or "dockerd" or "buildkitd")
            && !Engine.StartsWith('/')
            && !(Uri.TryCreate(Engine, UriKind.Absolute, out var address) && address.Scheme is "unix" or "tcp"))
        {
            problems.Add($"the engine is \"{Engine}\": it must be auto, dockerd, buildkitd, a full path, or unix:///PATH or tcp://HOST:PORT");
        }

        if (MaxParallelism is < 1)
        {
            problems.Add($"the maximum parallelism is {MaxParallelism}: it must be at least 1");
        }

        if (EngineIdle < TimeSpan.Zero)
        {
            problems.Add($"the engine idle time is {EngineIdle}: it must not be negative");
        }

        problems.AddRange(HostPorts
            .Where(port => port != AllPorts && !(ushort.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0))
            .Select(port => $"the host port is \"{port}\": it must be a port number or all"));

        if (!IPNetwork.TryParse(BridgePool, out var pool) || pool.PrefixLength is < 8 or > 24)
        {
            problems.Add($"the bridge pool is \"{BridgePool}\": it must be an IPv4 network between /8 and /24, for example 10.213.0.0/16");
        }
    }
}
