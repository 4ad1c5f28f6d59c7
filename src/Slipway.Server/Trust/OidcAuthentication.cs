using System.Collections.Concurrent;
using System.Collections.Frozen;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using Slipway.Contract;
using Slipway.Server.Access;
using Slipway.Server.Audit;
using Slipway.Server.Storage;

namespace Slipway.Server.Trust;

/// <summary>Judges a CI provider's token. The order matters: nothing is fetched, computed or told before what is cheaper or safer.</summary>
internal sealed class OidcAuthentication(TrustStore store, IssuerKeys keys, IssuerAccess access, SettledUrl url, TimeProvider clock)
{
    /// <summary>How far an issuer's clock may be off. The library's own five minutes would double a five-minute token.</summary>
    private static readonly long Leeway = TimeSpan.FromSeconds(60).Milliseconds();

    // One answer for everything that a stranger could have made up: which part was wrong is not a stranger's business.
    private static readonly Caller Unknown = Caller.Refused(
        "the CI provider's token was not accepted; check that the project trusts its issuer: slipway admin trust list, or set DEPOT_TOKEN");

    private const int VerifiedMax = 10_000;
    private const int ShownMax = 200;
    private static readonly JsonWebTokenHandler Signatures = new();

    // By the token's hash: the key that it was found signed with. Keys that are fetched again are other objects.
    private readonly ConcurrentDictionary<string, SecurityKey> _verified = new(StringComparer.Ordinal);

    /// <param name="address">Where the call came from.</param>
    public async ValueTask<Caller> IdentifyAsync(string bearer, string address, CancellationToken cancellation)
    {
        if (JwtText.TryParse(bearer) is not { } token)
        {
            return Unaccepted("it is malformed");
        }

        var policies = store.ListOfIssuer(token.Issuer);
        if (policies.Count == 0)
        {
            return Unaccepted($"no project trusts the issuer \"{token.Issuer.Clip(ShownMax)}\"");
        }

        if (!access.Allows(token.Issuer))
        {
            return Unaccepted($"the issuer \"{token.Issuer}\" is not https, and not allowed with --oidc-allow-insecure-issuer");
        }

        if (await RefuseAsync(token, policies, cancellation) is { } forged)
        {
            return Unaccepted(forged);
        }

        // From here on the issuer vouches for every word of it.
        if (JudgeTime(token, policies.Max(policy => TrustProvider.Find(policy.Provider).LifeMax)) is { } untimely)
        {
            return Vouched(untimely, token, policies, address);
        }

        var (self, audiences) = (Self, token.Audiences);
        var meant = policies.Where(policy => IsMeantForUs(audiences, self, policy)).ToList();
        return meant.Count > 0
            ? await RecognizeAsync(token, meant, address, cancellation)
            : Vouched(
                $"the CI provider's token is for the audience {string.Join(" and ", audiences.DefaultIfEmpty("nobody"))}, this server is {self}; "
                + "ask for a token for this server's URL, or allow Depot's audience on the relationship: --allow-depot-audience",
                token,
                policies,
                address);
    }

    private string Self => url.Base;

    private static Caller Unaccepted(string why) => Unknown with { RefusalDetail = $"the CI provider's token was not accepted: {why}" };

    /// <summary>A refusal of a job that its issuer vouches for: the owners of the relationship that it meant may read of it.</summary>
    private static Caller Vouched(string why, JwtText token, IReadOnlyList<TrustPolicy> policies, string address) => Caller.Refused(why) with
    {
        IsGenuine = true,
        Name = TrustMatch.NameOf(token, policies[0].Provider),
        Near = TrustMatch.Closest(policies.Select(policy => new TrustMatch(token, policy, address)), null)?.Policy,
    };

    /// <summary>Why the token is not the issuer's; null when it is.</summary>
    private async Task<string?> RefuseAsync(JwtText token, IReadOnlyList<TrustPolicy> policies, CancellationToken cancellation)
    {
        if (!policies.Any(policy => TrustProvider.Find(policy.Provider).Algorithms.Contains(token.Algorithm, StringComparer.Ordinal)))
        {
            return $"its algorithm is \"{token.Algorithm.Clip(ShownMax)}\"";
        }

        if (!token.HasPlainHeader)
        {
            return "its header says more than which key signed it";
        }

        if (token.KeyId.Length == 0 || await keys.FindAsync(token.Issuer, token.KeyId, token.Algorithm, cancellation) is not { } key)
        {
            return $"its issuer has no {token.Algorithm} key \"{token.KeyId.Clip(ShownMax)}\"";
        }

        return await IsSignedByAsync(key, token) ? null : "its signature is wrong";
    }

    /// <summary>A job's client sends its token with several calls; the same text under the very same key need not be computed again.</summary>
    private async Task<bool> IsSignedByAsync(JsonWebKey key, JwtText token)
    {
        var hash = token.Hash;
        if (_verified.TryGetValue(hash, out var known) && ReferenceEquals(known, key))
        {
            return true;
        }

        if (!(EdwardsSignature.IsName(token.Algorithm) ? EdwardsSignature.IsSignedBy(key, token) : await VerifyAsync(key, token)))
        {
            return false;
        }

        if (_verified.Count >= VerifiedMax)
        {
            _verified.Clear();
        }

        _verified[hash] = key;
        return true;
    }

    private static async Task<bool> VerifyAsync(JsonWebKey key, JwtText token)
    {
        // Signature alone: everything else is judged here, by this server's clock and words.
        var verified = await Signatures.ValidateTokenAsync(token.Text, new TokenValidationParameters
        {
            IssuerSigningKey = key,
            ValidAlgorithms = [token.Algorithm],
            RequireSignedTokens = true,
            TryAllIssuerSigningKeys = false,
            ValidateIssuer = false,
            ValidateAudience = false,
            ValidateLifetime = false,
        });
        return verified.IsValid;
    }

    private string? JudgeTime(JwtText token, TimeSpan lifeMax)
    {
        var now = clock.Now();
        if (token.Time("exp") is not { } expires || token.Time("iat") is not { } issued)
        {
            return "the CI provider's token does not say how long it lasts";
        }

        if (expires + Leeway <= now)
        {
            return $"the CI provider's token expired {(now - expires) / 1000} seconds ago; ask for a new one, and check both clocks";
        }

        if (issued - Leeway > now || (token.Time("nbf") ?? issued) - Leeway > now)
        {
            return $"the CI provider's token is from the future by {(Math.Max(issued, token.Time("nbf") ?? 0) - now) / 1000} seconds; check both clocks";
        }

        return expires - issued > lifeMax.Milliseconds()
            ? $"the CI provider's token lasts {(expires - issued) / 1000} seconds; at most {lifeMax.TotalSeconds:0} are accepted"
            : null;
    }

    // Every audience must be ours: a token for several could be replayed by any of them.
    private static bool IsMeantForUs(IReadOnlyList<string> audiences, string self, TrustPolicy policy)
    {
        foreach (var audience in audiences)
        {
            if (!IsSelf(audience, self) && !(policy.DepotAudience && audience == TrustProvider.DepotAudience)
                && !(policy.Provider == TrustProvider.CircleCI.Name && audience.Length > 0 && policy.Issuer.EndsWith("/org/" + audience, StringComparison.Ordinal)))
            {
                return false;
            }
        }

        return audiences.Count > 0;
    }

    private static bool IsSelf(string audience, string self) =>
        audience.StartsWith(self, StringComparison.Ordinal) && audience.AsSpan(self.Length) is "" or "/";

    private async Task<Caller> RecognizeAsync(JwtText token, List<TrustPolicy> policies, string address, CancellationToken cancellation)
    {
        if (token.Claim("oidc.circleci.com/ssh-rerun") == "true")
        {
            return Caller.Refused("the job was rerun with SSH, and a person may have been on it; run it again without");
        }

        var matches = new List<TrustPolicy>();
        var misses = new List<TrustMatch>();
        foreach (var policy in policies)
        {
            if (new TrustMatch(token, policy, address) is { IsMet: false } unmet)
            {
                misses.Add(unmet);
                continue;
            }

            matches.Add(policy);
            await PinAsync(token, policy, cancellation);
        }

        return new Caller
        {
            Kind = CallerKind.Oidc,
            Name = TrustMatch.NameOf(token, policies[0].Provider),
            Oidc = new OidcPrincipal
            {
                Issuer = token.Issuer,
                TokenId = token.Claim("jti") is { Length: > 0 and <= 200 } id ? id : token.Hash,
                Subject = token.Claim("sub") ?? "",
                ExpiresAt = token.Time("exp")!.Value + Leeway,
                Origin = JobOrigin.Of(token, policies[0].Provider),
                Matches = matches,
                Untrusted = matches.Where(policy => TrustTier.IsUntrusted(policy, token)).Select(policy => policy.Id).ToFrozenSet(StringComparer.Ordinal),
                Misses = misses,
            },
        };
    }

    private async Task PinAsync(JwtText token, TrustPolicy policy, CancellationToken cancellation)
    {
        var ids = TrustProvider.Find(policy.Provider).Ids
            .Select(claim => (Claim: claim, Value: token.Claim(claim)))
            .Where(id => id.Value is not null)
            .ToDictionary(id => id.Claim, id => id.Value!);
        if (ids.Count == 0 || policy.ReadPins().Count > 0)
        {
            return;
        }

        var record = new AuditEntry
        {
            At = clock.Now(),
            Actor = TrustMatch.NameOf(token, policy.Provider),
            ActorId = token.Claim("sub") ?? "",
            Action = "trust.pin",
            Target = $"trust relationship {policy.Id}",
            OrganizationId = policy.OrganizationId,
            ProjectId = policy.ProjectId,
            Detail = string.Join(", ", ids.Select(id => $"{id.Key} \"{id.Value}\"")),
        };
        await store.PinAsync(policy.Id, ids, record, cancellation);
    }
}
