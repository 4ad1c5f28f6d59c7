using Slipway.Contract;
using Slipway.Contract.Tokens;
using Slipway.Server.Storage;
using Slipway.Server.Tokens;

namespace Slipway.Server.Access;

/// <summary>Turns an authorization header into a <see cref="Caller"/>; never refuses, that is <see cref="AccessControl"/>'s part.</summary>
internal sealed class TokenAuthentication(TokenStore tokens, TokenUse use, TimeProvider clock)
{
    private const string Scheme = "Bearer ";

    public Caller Identify(string? authorization)
    {
        if (string.IsNullOrWhiteSpace(authorization))
        {
            return Caller.Refused("no token was sent; set DEPOT_TOKEN or run \"depot login\"");
        }

        if (!authorization.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
        {
            return Caller.Refused("the authorization header is not of the form \"Bearer TOKEN\"; set DEPOT_TOKEN or run \"depot login\"");
        }

        // Cheap before dear: length and checksum keep junk away from the database.
        var token = authorization[Scheme.Length..].Trim();
        return TokenText.TryParse(token, out _)
            ? Judge(tokens.FindByHash(TokenText.Hash(token)))
            : Caller.Refused("the token is not a token of this server; check DEPOT_TOKEN, or run \"depot login\"");
    }

    private Caller Judge(TokenRecord? token)
    {
        // A revoked token, a deleted project's token and one that never was get one answer.
        if (token is null || token.RevokedAt is not null || token.ProjectDeletedAt is not null)
        {
            return Caller.Refused("the token is unknown here or was revoked; create a new one, or run \"depot login\"");
        }

        var now = clock.Now();
        if (token.ExpiresAt <= now)
        {
            return Caller.Refused($"the token expired {Ago(now - token.ExpiresAt.Value)} ago; create a new one, or run \"depot login\"");
        }

        if (token.BuildFinishedAt is { } finished && finished + Limits.BuildTokenGrace.Milliseconds() <= now)
        {
            return Caller.Refused("the build of this build token is over; start a new build");
        }

        use.Mark(token);
        return new Caller
        {
            Kind = TokenKinds.Parse(token.Kind) is { } kind ? Caller.KindOf(kind) : CallerKind.Anonymous,
            Name = $"{token.Kind} {(token.Name.Length > 0 ? token.Name : token.Id)}",
            TokenId = token.Id,
            OrganizationId = token.OrganizationId,
            ProjectId = token.ProjectId,
            BuildId = token.BuildId,
            BuilderId = token.BuilderId,
        };
    }

    private static string Ago(long milliseconds) => TimeSpan.FromMilliseconds(milliseconds) switch
    {
        { TotalMinutes: < 1 } => "less than a minute",
        { TotalHours: < 1 } span => $"{(int)span.TotalMinutes} minutes",
        { TotalDays: < 1 } span => $"{(int)span.TotalHours} hours",
        var span => $"{(int)span.TotalDays} days",
    };
}
