using Slipway.Contract.Connect;
using Slipway.Contract.Tokens;
using Slipway.Server.Access;
using Slipway.Server.Storage;

namespace Slipway.Server.Tokens;

/// <summary>Lists, rotates and revokes the tokens that people handle.</summary>
internal sealed class ManageTokens(TokenStore tokens, TimeProvider clock)
{
    private static readonly TimeSpan OverlapMax = TimeSpan.FromDays(30);

    /// <summary>What the caller manages: a person's own, and all of the organizations that it owns.</summary>
    public IReadOnlyList<TokenRecord> List(Caller caller)
    {
        AccessControl.Authorize(caller, CallerAction.ListTokens, Resource.Own);
        return [.. tokens.List().Where(token => AccessControl.Allows(caller, CallerAction.ManageTokens, ResourceOf(token.Id, token)))];
    }

    public async Task RevokeAsync(string id, Caller caller, CancellationToken cancellation)
    {
        var token = Find(id, caller);
        await tokens.RevokeAsync(id, token.Record(caller, "token.revoke", clock.Now()), cancellation);
    }

    /// <summary>A new secret for the same rights; the old one works on for <paramref name="overlap"/>, so that nothing stops meanwhile.</summary>
    public async Task<(TokenRecord Info, string Secret)> RotateAsync(
        string id, TimeSpan overlap, Caller caller, CancellationToken cancellation)
    {
        var old = Find(id, caller);
        var now = clock.Now();
        if (old.Kind == TokenKind.Join.Name() || old.RevokedAt is not null || old.ExpiresAt <= now)
        {
            throw new ApiException(
                ConnectCode.FailedPrecondition, $"token \"{id}\" cannot be rotated: it is over, or a join token", "create a new one");
        }

        if (overlap < TimeSpan.Zero || overlap > OverlapMax)
        {
            throw new ApiException(ConnectCode.InvalidArgument, $"the overlap is {overlap.TotalDays:0.#} days", $"at most {OverlapMax.TotalDays:0} days");
        }

        var next = old with
        {
            Id = Ids.Token(),

            // A project's token is read with its organization, and stored without; likewise a build's with its project.
            OrganizationId = old.ProjectId is null ? old.OrganizationId : null,
            ProjectId = old.BuildId is null ? old.ProjectId : null,
            CreatedBy = caller.Name,
            CreatedAt = now,
            ExpiresAt = now + (old.ExpiresAt - old.CreatedAt),
            LastUsedAt = null,
        };
        var secret = TokenText.Create(TokenKinds.Parse(old.Kind)!.Value);
        var record = old.Record(caller, "token.rotate", now) with { Detail = $"into {next.Id}, both for {overlap}" };
        await tokens.RotateAsync(old, next, TokenText.Hash(secret), now + overlap.Milliseconds(), record, cancellation);
        return (next, secret);
    }

    private TokenRecord Find(string id, Caller caller)
    {
        var token = tokens.Find(id);
        AccessControl.Authorize(caller, CallerAction.ManageTokens, ResourceOf(id, token));
        return token!;
    }

    // A build's and a builder's tokens are theirs: they end with them.
    private static Resource ResourceOf(string id, TokenRecord? token) => new()
    {
        Text = $"token \"{id}\"",
        Exists = token is not null
            && TokenKinds.Parse(token.Kind) is TokenKind.User or TokenKind.Organization or TokenKind.Project or TokenKind.Pull or TokenKind.Join,
        OrganizationId = token?.OrganizationId,
        UserId = token?.UserId,
    };
}
