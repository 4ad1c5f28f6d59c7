using System.Collections.Frozen;
using System.Diagnostics.CodeAnalysis;
using Slipway.Contract;
using Slipway.Contract.Connect;
using Slipway.Contract.Tokens;
using Slipway.Server.Audit;
using Slipway.Server.People;
using Slipway.Server.Storage;
using Slipway.Server.Tokens;
using Slipway.Server.Trust;

namespace Slipway.Server.Access;

/// <summary>Turns an authorization header into a <see cref="Caller"/>; never refuses, that is <see cref="AccessControl"/>'s part.</summary>
internal sealed class TokenAuthentication(
    TokenStore tokens, UserStore users, TokenUse use, OidcAuthentication oidc, Replays replays, TimeProvider clock)
{
    private const string Scheme = "Bearer ";

    // A revoked token, a deleted project's, one that never was and one that was carried off get one answer.
    private static readonly Caller Unknown = Caller.Refused("the token is unknown here or was revoked; create a new one, or run \"depot login\"");

    /// <summary>A person's token that nobody used for so long belongs to a machine that nobody has any more.</summary>
    private static readonly long IdleMax = TimeSpan.FromDays(30).Milliseconds();

    // Guessing is hopeless against 178 bits; this keeps it, and a broken client in a loop, from costing anything.
    private readonly AttemptLimit _wrong = new(60, TimeSpan.FromMinutes(1), clock);

    /// <param name="address">Where the call came from. Only wrong tokens are counted: a valid caller is never slowed down by its neighbours,
    /// and one whose token has expired goes on being told so.</param>
    public async ValueTask<Caller> IdentifyAsync(string? authorization, string address, CancellationToken cancellation)
    {
        var caller = await IdentifyAnyAsync(authorization, address, cancellation);

        // A right to pull is the registry's business: for the calls of this server it is worth nothing.
        return caller.Kind == CallerKind.Pull
            ? Caller.Refused("a pull token is for the registry alone; set DEPOT_TOKEN to another one, or run \"depot login\"") with { Address = address }
            : caller;
    }

    /// <summary>The same for somebody who comes from the registry, with a token as the password.</summary>
    public ValueTask<Caller> IdentifyRegistryAsync(string secret, string address, CancellationToken cancellation) => secret.Length == 0
        ? ValueTask.FromResult(Caller.Refused("no token was sent; log in with one as the password: depot pull-token | docker login -u x-token --password-stdin REGISTRY") with { Address = address })
        : IdentifyAnyAsync(Scheme + secret, address, cancellation);

    private async ValueTask<Caller> IdentifyAnyAsync(string? authorization, string address, CancellationToken cancellation)
    {
        var caller = await RecognizeAsync(authorization, address, cancellation) with { Address = address };
        if (caller.Kind != CallerKind.Anonymous || caller.IsGenuine || IsEmpty(authorization))
        {
            return caller;
        }

        if (caller.IsReplay)
        {
            replays.Tell(Replays.JoinToken, address);
        }

        _wrong.Count(address);
        return _wrong.IsExhausted(address)
            ? caller with
            {
                RefusalCode = ConnectCode.ResourceExhausted,
                Refusal = "too many wrong tokens came from this address; correct DEPOT_TOKEN, and wait a minute",
            }
            : caller;
    }

    private ValueTask<Caller> RecognizeAsync(string? authorization, string address, CancellationToken cancellation)
    {
        var bearer = authorization?.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) == true ? authorization[Scheme.Length..].Trim() : "";
        return JwtText.Resembles(bearer) ? oidc.IdentifyAsync(bearer, address, cancellation) : ValueTask.FromResult(Identify(authorization, address));
    }

    private Caller Identify(string? authorization, string address)
    {
        if (IsEmpty(authorization))
        {
            return Caller.Refused("no token was sent; set DEPOT_TOKEN or run \"depot login\"");
        }

        if (!authorization.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
        {
            return Caller.Refused("the authorization header is not of the form \"Bearer TOKEN\"; set DEPOT_TOKEN or run \"depot login\"");
        }

        // Cheap before dear: length and checksum keep junk away from the database.
        var token = authorization[Scheme.Length..].Trim();
        return TokenText.TryParse(token, out _) ? Judge(tokens.FindByHash(TokenText.Hash(token)), address)
            : TokenText.Resembles(token) ? Caller.Refused(
                $"the token is malformed: {(token.Length == TokenText.Length ? "its checksum does not fit" : $"it has {token.Length} characters instead of {TokenText.Length}")}; "
                + "copy it again into DEPOT_TOKEN, or run \"depot login\"")
            : Caller.Refused("the token is not a token of this server; check DEPOT_TOKEN, or run \"depot login\"");
    }

    /// <summary>The published client's <c>org list</c> sends the scheme alone where nobody has signed in.</summary>
    private static bool IsEmpty([NotNullWhen(false)] string? authorization) =>
        string.IsNullOrWhiteSpace(authorization) || authorization.Trim().Equals(Scheme.TrimEnd(), StringComparison.OrdinalIgnoreCase);

    private Caller Judge(TokenRecord? token, string address)
    {
        if (token is null || token.RevokedAt is not null || token.ProjectDeletedAt is not null)
        {
            return Unknown with { IsReplay = token is { Kind: "join", Reusable: false, RevokedAt: not null } };
        }

        // Before anything else is told of it: whoever has it may have found it.
        if (!token.CountsAt(address))
        {
            return Unknown with
            {
                Name = NameOf(token),
                TokenId = token.Id,
                OrganizationId = token.OrganizationId,
                ProjectId = token.ProjectId,
                RefusalDetail = $"the token counts at {token.AllowedFrom}, the call came from {(address.Length == 0 ? "an unknown address" : address)}",
            };
        }

        var now = clock.Now();
        if (token.ExpiresAt <= now)
        {
            return Lapsed($"the token expired {Ago(now - token.ExpiresAt.Value)} ago; create a new one, or run \"depot login\"");
        }

        if (token.UserId is not null && (token.LastUsedAt ?? token.CreatedAt) + IdleMax <= now)
        {
            return Lapsed("the token was not used for 30 days; run \"depot login\"");
        }

        if (token is { Kind: "build", BuildFinishedAt: { } finished } && finished + Limits.BuildTokenGrace.Milliseconds() <= now)
        {
            return Lapsed("the build of this build token is over; start a new build");
        }

        use.Mark(token);
        return new Caller
        {
            Kind = KindOf(token),
            Name = NameOf(token),
            TokenId = token.Id,
            UserId = token.UserId,
            OrganizationId = token.OrganizationId,
            Roles = RolesOf(token),
            ProjectId = token.ProjectId,
            BuildId = token.BuildId,
            BuildRuns = token.BuildId is not null && token.BuildFinishedAt is null,
            IsUntrusted = token.BuildUntrusted,
            BuilderId = token.BuilderId,
        };
    }

    private static Caller Lapsed(string why) => Caller.Refused(why) with { IsGenuine = true };

    private static string NameOf(TokenRecord token) =>
        token.UserEmail is { } email ? $"user {email}" : $"{token.Kind} {(token.Name.Length > 0 ? token.Name : token.Id)}";

    private static CallerKind KindOf(TokenRecord token) => TokenKinds.Parse(token.Kind) switch
    {
        TokenKind.User => token.UserId is null ? CallerKind.Operator : CallerKind.User,
        TokenKind.Organization => CallerKind.Organization,
        TokenKind.Project => CallerKind.Project,
        TokenKind.Build => CallerKind.Build,
        TokenKind.Builder => CallerKind.Builder,
        TokenKind.Join => CallerKind.Join,
        TokenKind.Pull => CallerKind.Pull,

        // The login's own: as a bearer here it is worth nothing.
        TokenKind.DevicePoll or null => CallerKind.Anonymous,
        _ => CallerKind.Anonymous,
    };

    private IReadOnlyDictionary<string, Role> RolesOf(TokenRecord token) => token switch
    {
        { UserId: { } user } => users.RolesOf(user),
        { Kind: "organization", OrganizationId: { } organization } =>
            new Dictionary<string, Role>(StringComparer.Ordinal) { [organization] = token.Role is { } role ? Roles.Stored(role) : Role.Owner },
        _ => FrozenDictionary<string, Role>.Empty,
    };

    private static string Ago(long milliseconds) => TimeSpan.FromMilliseconds(milliseconds) switch
    {
        { TotalMinutes: < 1 } => "less than a minute",
        { TotalHours: < 1 } span => $"{(int)span.TotalMinutes} minutes",
        { TotalDays: < 1 } span => $"{(int)span.TotalHours} hours",
        var span => $"{(int)span.TotalDays} days",
    };
}
