using Slipway.Contract.Connect;

namespace Slipway.Server.Trust;

/// <summary>How far the builds that a relationship lets in are trusted. Untrusted ones get an engine and a cache of their own kind.</summary>
internal static class TrustTier
{
    public const string Trusted = "trusted";

    /// <summary>Anybody may have written what is built, as in a fork's pull request.</summary>
    public const string Untrusted = "untrusted";

    /// <summary>The token says which: see <see cref="TrustProvider.VouchesFor"/>.</summary>
    public const string ByClaims = "claims";

    /// <param name="asked">Empty: by the token where the provider's tokens tell, else trusted.</param>
    public static string Check(string asked, TrustProvider provider) => asked switch
    {
        "" => provider.VouchesFor is null ? Trusted : ByClaims,
        Trusted or Untrusted => asked,
        ByClaims when provider.VouchesFor is not null => asked,
        ByClaims => throw new ApiException(
            ConnectCode.InvalidArgument, $"tokens of {provider.Name} do not say whether a build is a fork's", "use --tier trusted or --tier untrusted"),
        _ => throw new ApiException(ConnectCode.InvalidArgument, $"the tier is \"{asked}\"", "use trusted, untrusted or claims"),
    };

    public static bool IsUntrusted(TrustPolicy policy, JwtText token) => policy.Tier switch
    {
        Trusted => false,
        ByClaims => TrustProvider.Find(policy.Provider).VouchesFor is not { } vouches || !vouches(token),
        _ => true,
    };
}
