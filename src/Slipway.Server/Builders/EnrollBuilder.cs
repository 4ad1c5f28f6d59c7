using Slipway.Contract;
using Slipway.Contract.Connect;
using Slipway.Contract.Fleet.V1;
using Slipway.Server.Access;
using Slipway.Server.Audit;
using Slipway.Server.Certificates;
using Slipway.Server.Storage;

namespace Slipway.Server.Builders;

/// <summary>Trades a join token for a builder's own identity.</summary>
internal sealed class EnrollBuilder(BuilderStore builders, BuilderCertificates certificates, TimeProvider clock, ILogger<EnrollBuilder> log)
{
    public async Task<EnrollResponse> HandleAsync(EnrollRequest request, Caller caller, CancellationToken cancellation)
    {
        AccessControl.Authorize(caller, CallerAction.Enroll, Resource.Instance with { Text = "the builder fleet" });
        var now = clock.Now();
        var name = request.Name.Trim();
        var builder = new Builder
        {
            Id = Ids.Builder(),
            Name = name.Length is 0 or > Limits.NameLengthMax ? "builder" : name,
            CreatedAt = now,
        };
        // Before the join token is spent: a request that cannot be used costs nothing.
        var certificate = RenewBuilder.Issue(certificates, request.Csr.ToByteArray(), builder.Id);
        var record = AuditEntry.By(caller, "builder.enroll", $"builder {builder.Id}", now) with { Detail = builder.Name };
        if (!await builders.EnrollAsync(builder, caller.TokenId!, record, cancellation))
        {
            throw new ApiException(
                ConnectCode.Unauthenticated, "the join token was used before", "make a new one: slipway admin builder join-token");
        }

        ServerLog.BuilderEnrolled(log, builder.Name, builder.Id);
        return new EnrollResponse { BuilderId = builder.Id, Certificate = certificate };
    }
}
