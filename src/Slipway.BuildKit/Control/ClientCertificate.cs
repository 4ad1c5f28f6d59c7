using System.Security.Cryptography.X509Certificates;

namespace Slipway.BuildKit.Control;

/// <summary>A certificate with its key, in the form in which this system's TLS takes it.</summary>
public static class ClientCertificate
{
    /// <exception cref="System.Security.Cryptography.CryptographicException">The two do not belong together, or are none.</exception>
    public static X509Certificate2 FromPem(string certificate, string key)
    {
        var loaded = X509Certificate2.CreateFromPem(certificate, key);
        if (!OperatingSystem.IsWindows())
        {
            return loaded;
        }

        using (loaded)
        {
            return Keep(loaded);
        }
    }

    /// <summary>Schannel uses no key that lives in this process alone; by way of PKCS #12 it comes into the user's store until the certificate is disposed.</summary>
    internal static X509Certificate2 Keep(X509Certificate2 loaded) =>
        X509CertificateLoader.LoadPkcs12(loaded.Export(X509ContentType.Pkcs12), password: null);
}
