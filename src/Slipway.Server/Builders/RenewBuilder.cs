using System.Security.Cryptography;
using Slipway.Contract.Connect;
using Slipway.Contract.Fleet;
using Slipway.Contract.Fleet.V1;
using Slipway.Server.Access;
using Slipway.Server.Certificates;

namespace Slipway.Server.Builders;

/// <summary>Gives a builder its next certificate; to one of an earlier release, its first for the token that it has.</summary>
internal sealed class RenewBuilder(BuilderCertificates certificates, ILogger<RenewBuilder> log)
{
    /// <param name="proof">What the caller was known by; null when that was a token.</param>
    public RenewResponse Handle(RenewRequest request, Caller caller, BuilderProof? proof)
    {
        AccessControl.Authorize(caller, CallerAction.ServeAsBuilder, Resource.Builder(caller.BuilderId ?? ""));
        var csr = request.Csr.ToByteArray();

        // Else whoever changes the call on its way gets a certificate for a key of their own.
        if (proof is not null && !proof.Binds(csr))
        {
            throw new ApiException(ConnectCode.InvalidArgument, "the builder's proof is for another certificate request", "try again");
        }

        var certificate = Issue(certificates, csr, caller.BuilderId!);
        ServerLog.BuilderCertified(log, caller.BuilderId!);
        return new RenewResponse { Certificate = certificate };
    }

    internal static string Issue(BuilderCertificates certificates, byte[] csr, string builderId)
    {
        try
        {
            return certificates.Issue(csr, builderId);
        }
        catch (CryptographicException refused)
        {
            throw new ApiException(
                ConnectCode.InvalidArgument, $"the builder's certificate request cannot be used: {refused.Message}", "upgrade the builder");
        }
    }
}
