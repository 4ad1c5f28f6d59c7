using System.Collections.Concurrent;
using Slipway.Contract;
using Slipway.Contract.Fleet;
using Slipway.Server.Access;
using Slipway.Server.Certificates;

namespace Slipway.Server.Builders;

/// <summary>Turns a builder's proof into a <see cref="Caller"/>; like <see cref="TokenAuthentication"/>, it never refuses by itself.</summary>
internal sealed class BuilderAuthentication(BuilderCertificates certificates, BuilderStore builders, TimeProvider clock)
{
    public const string RenewPath = "/slipway.fleet.v1.FleetService/Renew";

    private const int UsedKept = 10_000;

    /// <summary>How far a statement's moment may be from now. Builders go by this server's clock (its Date header), whatever their own says.</summary>
    private static readonly TimeSpan Leeway = TimeSpan.FromMinutes(2);

    /// <summary>The statements of a few seconds before a start are not remembered, and a builder's idea of the time is coarse.</summary>
    private static readonly TimeSpan StartLeeway = TimeSpan.FromSeconds(2);

    private readonly ConcurrentDictionary<string, long> _used = new(StringComparer.Ordinal);
    private readonly DateTimeOffset _since = clock.GetUtcNow() - StartLeeway;

    /// <summary>Null when the call brings no proof.</summary>
    public Caller? Identify(HttpContext http)
    {
        if (http.Request.Headers[BuilderProof.Header] is not [{ Length: > 0 } text])
        {
            return null;
        }

        if (BuilderProof.Read(text) is not { } proof || certificates.Read(proof.Certificate) is not { } id)
        {
            return Caller.Refused("the builder's certificate is not of this server; join it again with a new join token");
        }

        http.Features.Set(proof);
        return Misfit(proof, http.Request.Path.Value) is { } misfit ? Caller.Refused(misfit)
            : builders.Find(id) is not { } builder ? Caller.Refused("this builder was removed; join it again with a new join token")
            : new Caller { Kind = CallerKind.Builder, Name = $"builder {builder.Name}", BuilderId = id, Address = http.Address() };
    }

    private string? Misfit(BuilderProof proof, string? path)
    {
        var now = clock.GetUtcNow();
        var end = new DateTimeOffset(proof.Certificate.NotAfter.ToUniversalTime());
        var grace = path == RenewPath ? Limits.BuilderCertificateRenewal : Leeway;
        if (now > end + grace)
        {
            return $"the builder's certificate ended at {end:u}; "
                + (path == RenewPath ? "join it again with a new join token" : "it is renewed when the builder is started again");
        }

        if ((now - proof.At).Duration() > Leeway || proof.At < _since)
        {
            return $"the builder's proof is of {proof.At:u}, and it is {now:u} here; set its clock";
        }

        return proof.Method == path && IsFirstUse(proof, now) ? null : "the builder's proof is for another call or was used before";
    }

    private bool IsFirstUse(BuilderProof proof, DateTimeOffset now)
    {
        if (_used.Count > UsedKept)
        {
            var old = (now - 2 * Leeway).ToUnixTimeMilliseconds();
            foreach (var (nonce, _) in _used.Where(use => use.Value < old))
            {
                _used.TryRemove(nonce, out _);
            }
        }

        return _used.TryAdd(proof.Nonce, proof.At.ToUnixTimeMilliseconds());
    }
}
