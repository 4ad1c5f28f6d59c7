using System.Security.Cryptography.X509Certificates;

namespace Slipway.Server;

/// <summary>The server's certificate with its key, and the certificates between it and an authority that callers know, which a caller cannot find by itself.</summary>
internal sealed class TlsIdentity : IDisposable
{
    private static readonly TimeSpan Warning = TimeSpan.FromDays(14);

    private TlsIdentity(X509Certificate2 certificate, X509Certificate2Collection chain) => (Certificate, Chain) = (certificate, chain);

    public X509Certificate2 Certificate { get; }

    public X509Certificate2Collection Chain { get; }

    /// <param name="certificateFile">PEM: the server's own certificate first, then those above it, as certificate authorities hand them out.</param>
    /// <exception cref="System.Security.Cryptography.CryptographicException">There is no certificate, or the key is another one's.</exception>
    public static TlsIdentity Load(string certificateFile, string keyFile)
    {
        var chain = new X509Certificate2Collection();
        chain.ImportFromPemFile(certificateFile);
        var own = X509Certificate2.CreateFromPemFile(certificateFile, keyFile);
        chain[0].Dispose();
        chain.RemoveAt(0);
        return new TlsIdentity(own, chain);
    }

    /// <summary>What the operator should know about its time; null while all is well.</summary>
    public string? Trouble(DateTimeOffset now)
    {
        var (start, end) = (Certificate.NotBefore.ToUniversalTime(), Certificate.NotAfter.ToUniversalTime());
        return end <= now ? $"ended at {end:u}: callers refuse it"
            : end <= now + Warning ? $"ends at {end:u}"
            : start > now ? $"begins at {start:u}: callers refuse it, or this machine's clock is off"
            : null;
    }

    public void Dispose()
    {
        Certificate.Dispose();
        foreach (var above in Chain)
        {
            above.Dispose();
        }
    }
}
