using Slipway.Contract;
using Slipway.Contract.Connect;
using Slipway.Contract.Fleet.V1;
using Slipway.Contract.Tokens;
using Slipway.Server.Access;
using Slipway.Server.Audit;
using Slipway.Server.Storage;
using Slipway.Server.Tokens;

namespace Slipway.Server.Builders;

/// <summary>Trades a join token for a builder's own identity.</summary>
internal sealed class EnrollBuilder(BuilderStore builders, TimeProvider clock, ILogger<EnrollBuilder> log)
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
        var secret = TokenText.Create(TokenKind.Builder);
        var identity = new TokenRecord
        {
            Id = Ids.Token(),
            Kind = TokenKind.Builder.Name(),
            Name = builder.Name,
            BuilderId = builder.Id,
            CreatedAt = now,
        };
        var record = AuditEntry.By(caller, "builder.enroll", $"builder {builder.Id}", now) with { Detail = builder.Name };
        if (!await builders.EnrollAsync(builder, identity, TokenText.Hash(secret), caller.TokenId!, record, cancellation))
        {
            throw new ApiException(
                ConnectCode.Unauthenticated, "the join token was used before", "make a new one: slipway admin builder join-token");
        }

        ServerLog.BuilderEnrolled(log, builder.Name, builder.Id);
        return new EnrollResponse { BuilderId = builder.Id, BuilderToken = secret };
    }
}
