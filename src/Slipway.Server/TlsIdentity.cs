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
    public string? Trouble(DateTimeOffset now) => Certificate switch
    {
        { NotAfter: var end } when end.ToUniversalTime() <= now => $"ended at {end.ToUniversalTime():u}: callers refuse it",
        { NotAfter: var end } when end.ToUniversalTime() <= now + Warning => $"ends at {end.ToUniversalTime():u}",
        { NotBefore: var start } when start.ToUniversalTime() > now => $"begins at {start.ToUniversalTime():u}: callers refuse it, or this machine's clock is off",
        _ => null,
    };

    public void Dispose()
    {
        Certificate.Dispose();
        foreach (var above in Chain)
        {
            above.Dispose();
        }
    }
}
