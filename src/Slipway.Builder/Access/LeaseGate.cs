using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Slipway.Builder.Access;

/// <summary>Knows which names this builder answers to, which builds may come in, and which engine each belongs to.</summary>
internal sealed class LeaseGate(TimeProvider clock) : IDisposable
{
    /// <summary>Connections that one build may hold: a client with many tasks dials about ten.</summary>
    public const int ConnectionsPerBuildMax = 64;

    /// <summary>Forgiven between the server's clock and this machine's, on both sides of a certificate's validity.</summary>
    private static readonly TimeSpan ClockLeeway = TimeSpan.FromMinutes(5);

    private readonly ConcurrentDictionary<string, Lease> _leasesById = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Lease> _leasesByName = new(StringComparer.OrdinalIgnoreCase);
    private readonly ConcurrentDictionary<(string BuildId, string LeaseId), Entry> _builds = new();
    private volatile X509Certificate2Collection _authorities = [];

    /// <summary>Builds let in and not yet over.</summary>
    public IEnumerable<BuildAdmission> Builds => _builds.Values.Select(entry => entry.Admission);

    public IEnumerable<Lease> Leases => _leasesById.Values;

    /// <summary>The certificate for a TLS server name; null when no lease has that name.</summary>
    public X509Certificate2? CertificateFor(string serverName) =>
        _leasesByName.TryGetValue(serverName, out var lease) ? lease.Certificate : null;

    /// <summary>Judges the certificate that a client presents on a lease: chain, shape, validity, and whether the build is let in.
    /// A TLS stack's own chain check is not needed beside it.</summary>
    public GateVerdict Admit(string serverName, X509Certificate2 client)
    {
        if (!_leasesByName.TryGetValue(serverName, out var lease))
        {
            return GateVerdict.Refuse("no lease has the server name it asked for");
        }

        if (DistrustOf(client) is { } distrust)
        {
            return GateVerdict.Refuse(distrust);
        }

        if (!BuildIdentity.TryRead(client, out var identity, out var refusal))
        {
            return GateVerdict.Refuse(refusal);
        }

        if (identity.ProjectId != lease.ProjectId || identity.Architecture != lease.Architecture)
        {
            return GateVerdict.Refuse($"build {identity.BuildId} belongs to another engine");
        }

        if (!_builds.TryGetValue((identity.BuildId, lease.LeaseId), out var entry) || entry.Admission.Revoked.IsCancellationRequested)
        {
            return GateVerdict.Refuse($"build {identity.BuildId} is not let in, or is over");
        }

        return entry.Admission.Connections >= ConnectionsPerBuildMax
            ? GateVerdict.Refuse($"build {identity.BuildId} holds {ConnectionsPerBuildMax} connections already")
            : GateVerdict.Admit(entry.Admission);
    }

    /// <summary>A raw HTTP/2-with-prior-knowledge stream to the lease's engine, which the caller owns.</summary>
    /// <exception cref="IOException">The lease is gone or its engine cannot be reached; the message is fit for the build's user.</exception>
    public ValueTask<Stream> DialEngineAsync(string leaseId, CancellationToken cancellation) =>
        _leasesById.TryGetValue(leaseId, out var lease)
            ? lease.Dial(cancellation)
            : throw new IOException("the build's engine was stopped; run the build again");

    /// <summary>Replaces the authorities (PEM, one or more) that build certificates must come from.</summary>
    public void TrustClients(string authoritiesPem)
    {
        var authorities = new X509Certificate2Collection();
        authorities.ImportFromPem(authoritiesPem);
        _authorities = authorities;
    }

    public void AddLease(Lease lease)
    {
        _leasesById[lease.LeaseId] = lease;
        _leasesByName[lease.ServerName] = lease;
    }

    /// <summary>Forgets a lease and turns its builds away.</summary>
    public void RemoveLease(string leaseId)
    {
        if (_leasesById.TryRemove(leaseId, out var lease))
        {
            _leasesByName.TryRemove(new KeyValuePair<string, Lease>(lease.ServerName, lease));
        }

        foreach (var build in Builds.Where(build => build.LeaseId == leaseId))
        {
            Remove(build.BuildId, leaseId);
        }
    }

    public Lease? FindLease(string leaseId) => _leasesById.GetValueOrDefault(leaseId);

    /// <summary>Lets a build in on a lease until <paramref name="expiresAt"/>. Saying it again moves only that time.</summary>
    /// <returns>Null when there is no such lease.</returns>
    public BuildAdmission? LetIn(string buildId, string leaseId, DateTimeOffset expiresAt)
    {
        if (!_leasesById.TryGetValue(leaseId, out var lease))
        {
            return null;
        }

        var entry = _builds.GetOrAdd((buildId, leaseId), _ => new Entry(clock, buildId, lease, expiresAt));
        entry.ExpireAt(expiresAt, clock);
        return entry.Admission;
    }

    /// <summary>Turns a build away on every lease: its open connections are told, and none is admitted again.</summary>
    /// <returns>Whether there was anything to take away.</returns>
    public bool Revoke(string buildId)
    {
        var admitted = Builds.Where(build => build.BuildId == buildId).ToList();
        admitted.ForEach(build => Remove(buildId, build.LeaseId));
        return admitted.Count > 0;
    }

    public void Remove(string buildId, string leaseId)
    {
        if (_builds.TryRemove((buildId, leaseId), out var entry))
        {
            entry.Dispose();
        }
    }

    public void Dispose()
    {
        foreach (var (buildId, leaseId) in _builds.Keys)
        {
            Remove(buildId, leaseId);
        }
    }

    /// <summary>Why the certificate cannot be trusted at all; null when an authority of this server signed it and it is in force.</summary>
    private string? DistrustOf(X509Certificate2 client)
    {
        var now = clock.GetUtcNow();
        var (notBefore, notAfter) = (new DateTimeOffset(client.NotBefore), new DateTimeOffset(client.NotAfter));
        if (now < notBefore - ClockLeeway || now > notAfter + ClockLeeway)
        {
            return now < notBefore ? "its certificate is not valid yet" : "its certificate has expired";
        }

        var authorities = _authorities;
        if (authorities.Count == 0)
        {
            return "the server has not named its authority yet";
        }

        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(authorities);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        // The chain is judged at a moment inside the leaf's own validity, so that the leeway above holds for it as well;
        // not its last one, which OpenSSL counts as past.
        chain.ChainPolicy.VerificationTime = (now < notBefore ? notBefore : now >= notAfter ? notAfter.AddSeconds(-1) : now).LocalDateTime;
        try
        {
            return chain.Build(client) && chain.ChainElements.Count > 1 ? null : "its certificate is not from this server's authority";
        }
        catch (CryptographicException)
        {
            return "its certificate cannot be read";
        }
    }

    /// <summary>An admission with the timer that ends it.</summary>
    private sealed class Entry : IDisposable
    {
        private readonly CancellationTokenSource _revoked = new();
        private readonly ITimer _timer;

        public Entry(TimeProvider clock, string buildId, Lease lease, DateTimeOffset expiresAt)
        {
            Admission = new BuildAdmission
            {
                BuildId = buildId,
                LeaseId = lease.LeaseId,
                ProjectId = lease.ProjectId,
                Architecture = lease.Architecture,
                ExpiresAt = expiresAt,
                Revoked = _revoked.Token,
            };
            _timer = clock.CreateTimer(_ => _revoked.Cancel(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }

        public BuildAdmission Admission { get; }

        public void ExpireAt(DateTimeOffset expiresAt, TimeProvider clock)
        {
            // Timers take at most 49 days; a build that is meant to run longer is looked at again by the next admission.
            var left = TimeSpan.FromMilliseconds(Math.Clamp((expiresAt - clock.GetUtcNow()).TotalMilliseconds, 0, 4_000_000_000));
            _timer.Change(left, Timeout.InfiniteTimeSpan);
        }

        public void Dispose()
        {
            _timer.Dispose();
            // Not disposed: connections that are being closed may still register with the token.
            _revoked.Cancel();
        }
    }
}
