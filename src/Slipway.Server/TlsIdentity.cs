using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Slipway.Server.Storage;

namespace Slipway.Server;

/// <summary>The server's certificate with its key, and the certificates between it and an authority that callers know, which a caller cannot find by itself.</summary>
internal sealed class TlsIdentity : IDisposable
{
    private static readonly TimeSpan Warning = TimeSpan.FromDays(14);

    private TlsIdentity(X509Certificate2 certificate, X509Certificate2Collection chain) => (Certificate, Chain) = (certificate, chain);

    public X509Certificate2 Certificate { get; }

    public X509Certificate2Collection Chain { get; }

    /// <param name="certificateFile">PEM: the server's own certificate first, then those above it, as certificate authorities hand them out.</param>
    /// <param name="keyFile">PEM: the key of the first one.</param>
    /// <exception cref="StartupException">They cannot be used.</exception>
    public static TlsIdentity Load(string certificateFile, string keyFile)
    {
        try
        {
            var chain = new X509Certificate2Collection();
            chain.ImportFromPemFile(certificateFile);
            var own = X509Certificate2.CreateFromPemFile(certificateFile, keyFile);
            chain[0].Dispose();
            chain.RemoveAt(0);
            return new TlsIdentity(own, chain);
        }
        catch (Exception failure) when (failure is CryptographicException or ArgumentException or IOException or UnauthorizedAccessException)
        {
            throw new StartupException(
                $"the TLS certificate {certificateFile} with the key {keyFile} cannot be used: {Reason(keyFile, failure).TrimEnd('.')}", failure);
        }
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

    // Nobody is there to type a passphrase. A key of another certificate is a wrong argument to .NET, whose message ends in a parameter's name.
    private static string Reason(string keyFile, Exception failure) =>
        failure is CryptographicException && IsEncrypted(keyFile) ? $"the key is encrypted; write it without a passphrase: openssl pkey -in {keyFile} -out FILE"
        : failure is ArgumentException ? "the key is another certificate's"
        : failure.Message;

    // "ENCRYPTED PRIVATE KEY" (RFC 7468) or "Proc-Type: 4,ENCRYPTED" (RFC 1421).
    private static bool IsEncrypted(string keyFile) =>
        File.Exists(keyFile) && File.ReadAllText(keyFile).Contains("ENCRYPTED", StringComparison.Ordinal);

    public void Dispose()
    {
        Certificate.Dispose();
        foreach (var above in Chain)
        {
            above.Dispose();
        }
    }
}
