using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using Slipway.Server.Certificates;

namespace Slipway.Server.Registry;

/// <summary>Signs what the registry believes: who may do what in which repository, for a minute.</summary>
/// <remarks>
/// Distribution's token authentication: a JWT whose header carries the certificate that signed it, under a root that the registry was given. The root's key
/// stays in the data folder; the signing key is new with every start and never written down.
/// </remarks>
internal sealed class RegistrySigner : IDisposable
{
    /// <summary>The least that its clients must be given (distribution's token specification, "expires_in").</summary>
    public static readonly TimeSpan Life = TimeSpan.FromSeconds(60);

    // The registry's clock may be behind.
    private static readonly TimeSpan Backdate = TimeSpan.FromSeconds(30);
    private static readonly JsonWebTokenHandler Writer = new() { SetDefaultTimesOnTokenCreation = false };

    private readonly CertificateAuthority _root;
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly SigningCredentials _credentials;
    private readonly Dictionary<string, object> _header;
    private readonly string _service;
    private readonly TimeProvider _clock;

    public RegistrySigner(string dataFolder, string service, TimeProvider clock)
    {
        (_service, _clock) = (service, clock);
        _root = CertificateAuthority.Open(dataFolder, CertificateAuthority.OfRegistry, clock);
        var now = clock.GetUtcNow();
        using var leaf = _root.Issue(new CertificateRequest("CN=Slipway registry tokens", _key, HashAlgorithmName.SHA256), CertificatePurpose.Any, now.AddDays(-1), DateTimeOffset.MaxValue);
        _header = new() { [JwtHeaderParameterNames.X5c] = new[] { Convert.ToBase64String(leaf.RawData) } };
        _credentials = new SigningCredentials(new ECDsaSecurityKey(_key), SecurityAlgorithms.EcdsaSha256);
    }

    /// <summary>What the registry trusts (PEM).</summary>
    public string Roots => _root.Pem;

    /// <param name="subject">For the registry's log: an id, never a secret.</param>
    public string Sign(string subject, IEnumerable<RegistryScope> granted)
    {
        var now = _clock.GetUtcNow().UtcDateTime;
        return Writer.CreateToken(new SecurityTokenDescriptor
        {
            Issuer = ImageRegistry.Issuer,
            Audience = _service,
            IssuedAt = now,
            NotBefore = now - Backdate,
            Expires = now + Life,
            AdditionalHeaderClaims = _header,
            SigningCredentials = _credentials,
            Claims = new Dictionary<string, object>
            {
                [JwtRegisteredClaimNames.Sub] = subject,
                [JwtRegisteredClaimNames.Jti] = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)),
                ["access"] = granted.Select(scope => new Dictionary<string, object>
                {
                    ["type"] = scope.Type, ["name"] = scope.Name, ["actions"] = scope.Actions.ToArray(),
                }).ToArray(),
            },
        });
    }

    public void Dispose()
    {
        _key.Dispose();
        _root.Dispose();
    }
}
