using System.Diagnostics.CodeAnalysis;
using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Slipway.Builder.Access;

/// <summary>The build that a client certificate names.</summary>
/// <remarks>
/// Carried as the certificate's only URI among its subject alternative names:
/// <code>spiffe://slipway/org/ORG/project/PROJECT/build/BUILD/arch/ARCH</code>
/// </remarks>
internal sealed record BuildIdentity(string Organization, string ProjectId, string BuildId, string Architecture)
{
    private const string SubjectAlternativeNameOid = "2.5.29.17";
    private const string ClientAuthenticationOid = "1.3.6.1.5.5.7.3.2";
    private const string Prefix = "spiffe://slipway/";

    /// <summary>GeneralName's choice 6, uniformResourceIdentifier (RFC 5280 §4.2.1.6).</summary>
    private static readonly Asn1Tag UriTag = new(TagClass.ContextSpecific, 6);

    /// <summary>Reads the identity out of a leaf that may only authenticate a client.</summary>
    /// <param name="refusal">Why the certificate names no build.</param>
    public static bool TryRead(
        X509Certificate2 certificate, [NotNullWhen(true)] out BuildIdentity? identity, [NotNullWhen(false)] out string? refusal)
    {
        identity = null;
        refusal = MisuseOf(certificate);
        if (refusal is not null)
        {
            return false;
        }

        var uris = ReadUris(certificate);
        if (uris is not [var uri])
        {
            refusal = uris is null ? "its alternative names cannot be read" : $"it has {uris.Count} URI names instead of one";
            return false;
        }

        identity = Parse(uri);
        refusal = identity is null ? "its URI name does not name a build" : null;
        return identity is not null;
    }

    internal static BuildIdentity? Parse(string uri)
    {
        if (!uri.StartsWith(Prefix, StringComparison.Ordinal))
        {
            return null;
        }

        return uri[Prefix.Length..].Split('/') is ["org", { Length: > 0 } org, "project", { Length: > 0 } project,
            "build", { Length: > 0 } build, "arch", { Length: > 0 } arch]
            ? new BuildIdentity(org, project, build, arch)
            : null;
    }

    /// <summary>What in the certificate's extensions says that it is something other than a client's leaf; null when nothing does.</summary>
    private static string? MisuseOf(X509Certificate2 certificate)
    {
        foreach (var extension in certificate.Extensions)
        {
            switch (extension)
            {
                case X509BasicConstraintsExtension { CertificateAuthority: true }:
                    return "it is an authority's certificate";
                case X509KeyUsageExtension usage when (usage.KeyUsages & X509KeyUsageFlags.KeyCertSign) != 0:
                    return "its key may sign certificates";
            }
        }

        var uses = certificate.Extensions.OfType<X509EnhancedKeyUsageExtension>().ToArray();
        return uses is [{ EnhancedKeyUsages: { Count: 1 } purposes }] && purposes[0].Value == ClientAuthenticationOid
            ? null
            : "its extended key usage is not client authentication alone";
    }

    /// <summary>All URIs among the alternative names, also over repeated extensions; null when one does not parse.</summary>
    private static List<string>? ReadUris(X509Certificate2 certificate)
    {
        var uris = new List<string>();
        try
        {
            foreach (var extension in certificate.Extensions.Where(e => e.Oid?.Value == SubjectAlternativeNameOid))
            {
                var names = new AsnReader(extension.RawData, AsnEncodingRules.DER).ReadSequence();
                while (names.HasData)
                {
                    if (names.PeekTag().HasSameClassAndValue(UriTag))
                    {
                        uris.Add(names.ReadCharacterString(UniversalTagNumber.IA5String, UriTag));
                    }
                    else
                    {
                        names.ReadEncodedValue();
                    }
                }
            }
        }
        catch (Exception e) when (e is AsnContentException or CryptographicException)
        {
            return null;
        }

        return uris;
    }
}
