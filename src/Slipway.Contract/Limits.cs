namespace Slipway.Contract;

/// <summary>Every maximum on Slipway's own wire, with its reason.</summary>
public static class Limits
{
    /// <summary>One message, also after decompression: gRPC's customary default; the largest real one is a batch of log lines.</summary>
    public const int MessageBytesMax = 4 * 1024 * 1024;

    /// <summary>How long a unary call may take at the server: the published client sends no deadline of its own for most calls.</summary>
    public static readonly TimeSpan UnaryDeadline = TimeSpan.FromSeconds(10);

    /// <summary>How long a call that waits for a builder may take: below the 30 s at which common load balancers cut.</summary>
    public static readonly TimeSpan LongPollDeadline = TimeSpan.FromSeconds(25);

    /// <summary>How long GetBuildKitConnection holds its answer back, waiting for a builder, before it says "pending".</summary>
    public static readonly TimeSpan ConnectionWait = TimeSpan.FromSeconds(10);

    /// <summary>A pending answer never asks for less: the published client spins on 0.</summary>
    public const int PendingWaitMillisecondsMin = 50;

    /// <summary>How long a build may run; its certificate lives this long and <see cref="CertificateGrace"/> more.</summary>
    public static readonly TimeSpan BuildDurationMax = TimeSpan.FromHours(2);

    /// <summary>The client never fetches its certificate again, so it outlives the build by this.</summary>
    public static readonly TimeSpan CertificateGrace = TimeSpan.FromMinutes(15);

    /// <summary>How long a builder's certificate is in force; it is renewed at the half.</summary>
    public static readonly TimeSpan BuilderCertificateLifetime = TimeSpan.FromHours(24);

    /// <summary>A builder that was switched off for this long past its certificate's end still gets a new one for it, and nothing else.</summary>
    public static readonly TimeSpan BuilderCertificateRenewal = TimeSpan.FromDays(30);

    /// <summary>A build's token still answers this long after the build's end: the published client keeps reporting health.</summary>
    public static readonly TimeSpan BuildTokenGrace = TimeSpan.FromMinutes(10);

    /// <summary>How often server and builder say that they live; three missed ones end the call.</summary>
    public static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(5);

    /// <summary>Three missed heartbeats.</summary>
    public static readonly TimeSpan HeartbeatLost = TimeSpan.FromSeconds(15);

    /// <summary>Log bytes kept per build and architecture; later lines are counted, not stored.</summary>
    public const long LogBytesMax = 1L << 30;

    /// <summary>Names that people give to things.</summary>
    public const int NameLengthMax = 200;
}
