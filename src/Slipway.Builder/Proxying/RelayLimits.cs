namespace Slipway.Builder.Proxying;

/// <summary>Every limit of the relay, and where it comes from.</summary>
internal static class RelayLimits
{
    /// <summary>Read at a time from one peer; also the largest frame other than DATA, which must be whole before it is read.</summary>
    public const int ReadBufferBytes = 256 * 1024;

    /// <summary>Waiting to be written to one peer, or waiting for its window, before the other peer is no longer read.</summary>
    public const int UnsentBytesMax = 256 * 1024;

    /// <summary>The payload of frames that the relay makes itself: what every peer accepts (RFC 9113 §6.5.2).</summary>
    public const int OwnFramePayloadBytes = 16384;

    /// <summary>BuildKit's own limit for one gRPC message (control and gateway set it on client and server).</summary>
    public const int MessageBytesMax = 16 * 1024 * 1024;

    /// <summary>Messages that all connections of one build may have held back for judgement at one time.</summary>
    public const int HeldBytesPerBuildMax = 64 * 1024 * 1024;

    /// <summary>What a client may always send ahead on a call that the relay reads itself.</summary>
    public const int HeldWindowBytes = 64 * 1024;

    /// <summary>… and once the length of a large message is known.</summary>
    public const int HeldWindowBytesMax = 1024 * 1024;

    /// <summary>What a receiver grants is passed on when it has come to this much: an eighth of its window, at most 128 KiB.</summary>
    /// <remarks>golang.org/x/net's server, which serves a dockerd's BuildKit, grants every 4 to 8 KiB that it reads, on the stream and on the
    /// connection; each grant passed on would be a TLS record, a wake-up and a small DATA frame of the client's. A receiver that waits with its grants
    /// until half of the window is used (the largest part that any known one waits for) still keeps the sender going.</remarks>
    public static long GrantMin(long window) => Math.Clamp(window / 8, 1, 128 * 1024);

    /// <summary>golang.org/x/net/http2 servers, BuildKit's among them, allow 250 by default.</summary>
    public const int ConcurrentStreamsMax = 250;

    /// <summary>A compressed header block. Clients send one entry per exclude pattern; engines put source excerpts into trailers.</summary>
    public const int HeaderBlockBytesMax = 1024 * 1024;

    /// <summary>CONTINUATION frames of one block (CVE-2024-27316 and its kin).</summary>
    public const int ContinuationsMax = 256;

    /// <summary>How often a peer's rare frames are counted anew.</summary>
    public static readonly TimeSpan FloodInterval = TimeSpan.FromSeconds(10);

    /// <summary>SETTINGS per interval: grpc-go's window estimator sends about ten in a connection's life.</summary>
    public const int SettingsPerIntervalMax = 200;

    /// <summary>PING per interval: grpc-go's window estimator sends one per round trip while it learns.</summary>
    public const int PingsPerIntervalMax = 50_000;

    /// <summary>Calls that a client starts at the engine and resets again, per interval (CVE-2023-44487).</summary>
    public const int ResetsPerIntervalMax = 2_000;

    /// <summary>DATA frames per interval that carry nothing and end nothing.</summary>
    public const int EmptyFramesPerIntervalMax = 10_000;

    /// <summary>The connection preface and the first SETTINGS must be there by then.</summary>
    public static readonly TimeSpan PrefaceTimeout = TimeSpan.FromSeconds(10);

    /// <summary>For an answer that the relay gives itself.</summary>
    public static readonly TimeSpan LocalAnswerTimeout = TimeSpan.FromSeconds(10);

    /// <summary>For telling the client why its connection ends. A revoked build is off the engine within 5 s (reliability.md §4.4).</summary>
    public static readonly TimeSpan FarewellTimeout = TimeSpan.FromSeconds(2);

    /// <summary>Solves and progress streams of one build: one per target of a bake, and as many again.</summary>
    public const int ReferencesPerBuildMax = 4096;

    /// <summary>Sessions that one build has open at a time. buildx and the published client open one per bake target, all at once, and
    /// ours keeps each until the bake is done. A session is of no use without a Solve beside it, and one connection carries no more streams.</summary>
    public const int SessionsPerBuildMax = ConcurrentStreamsMax / 2;

    /// <summary>A session id shorter than this could be guessed. BuildKit's own have 25 characters.</summary>
    public const int SessionIdLengthMin = 20;

    public const int IdentifierLengthMax = 256;

    /// <summary>Blobs of one build's results that it may read back.</summary>
    public const int DigestsPerBuildMax = 65_536;

    /// <summary>OCI distribution-spec: registries and clients refuse manifests over 4 MiB.</summary>
    public const int ManifestBytesMax = 4 * 1024 * 1024;
}
