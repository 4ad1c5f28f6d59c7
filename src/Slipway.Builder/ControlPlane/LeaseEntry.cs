using Slipway.Builder.Access;
using Slipway.Builder.Engine;
using Slipway.Contract.Fleet.V1;

namespace Slipway.Builder.ControlPlane;

/// <summary>A lease with what the builder needs to keep it: its engine and the certificate's life.</summary>
internal sealed class LeaseEntry(BuildKitDaemon daemon, TimeProvider clock, Lease lease) : IDisposable
{
    private readonly Lock _lock = new();
    private LeaseCertificate? _pending;
    private ITimer? _renewal;
    private volatile bool _isReady;
    private long _lastUsed = clock.GetTimestamp();

    public Lease Lease { get; } = lease;

    public BuildKitDaemon Daemon { get; } = daemon;

    public bool IsReady
    {
        get => _isReady;
        set => _isReady = value;
    }

    public long LastUsed
    {
        get => Interlocked.Read(ref _lastUsed);
        set => Interlocked.Exchange(ref _lastUsed, value);
    }

    /// <summary>Makes a new key and asks for its certificate.</summary>
    public void RequestCertificate(Func<BuilderMessage, bool> post)
    {
        lock (_lock)
        {
            _pending?.Dispose();
            _pending = new LeaseCertificate(Lease.ServerName);
        }

        PostCertificateRequest(post);
    }

    /// <summary>Asks again while no answer has come.</summary>
    public void PostCertificateRequest(Func<BuilderMessage, bool> post)
    {
        lock (_lock)
        {
            if (_pending is not null)
            {
                post(new BuilderMessage
                {
                    CertificateRequest = new CertificateRequest { LeaseId = Lease.LeaseId, Csr = _pending.SigningRequest },
                });
            }
        }
    }

    /// <summary>Puts an issued certificate to use and has <paramref name="renew"/> called at the half of its life.</summary>
    public void Complete(string chainPem, Action renew)
    {
        lock (_lock)
        {
            if (_pending is null)
            {
                return;
            }

            var certificate = _pending.Complete(chainPem);
            Lease.Certificate = certificate;
            _pending.Dispose();
            _pending = null;
            var left = certificate.NotAfter.ToUniversalTime() - clock.GetUtcNow().UtcDateTime;
            var half = TimeSpan.FromMilliseconds(Math.Clamp(left.TotalMilliseconds / 2, 1000, 4_000_000_000));
            _renewal?.Dispose();
            _renewal = clock.CreateTimer(_ => renew(), null, half, Timeout.InfiniteTimeSpan);
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _renewal?.Dispose();
            _pending?.Dispose();
            _pending = null;
        }
    }
}
