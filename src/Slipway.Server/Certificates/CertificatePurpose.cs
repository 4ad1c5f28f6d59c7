using System.Security.Cryptography;

namespace Slipway.Server.Certificates;

/// <summary>What a certificate may be used for (RFC 5280, section 4.2.1.12).</summary>
internal static class CertificatePurpose
{
    public static readonly Oid Server = new("1.3.6.1.5.5.7.3.1");
    public static readonly Oid Client = new("1.3.6.1.5.5.7.3.2");

    /// <summary>For what has no purpose of its own there, under a root that signs nothing else: what signs a registry's tokens.</summary>
    public static readonly Oid Any = new("2.5.29.37.0");
}
