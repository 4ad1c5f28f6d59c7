using Slipway.Contract.Connect;
using Slipway.Contract.Tokens;
using Slipway.Server.Access;
using Slipway.Server.People;
using Slipway.Server.Projects;
using Slipway.Server.Storage;

namespace Slipway.Server.Tokens;

/// <summary>Makes the tokens that people handle; the secret is answered once and kept nowhere.</summary>
internal sealed class CreateToken(TokenStore tokens, ProjectStore projects, UserStore users, TimeProvider clock)
{
    /// <summary>Tokens of machines always end (ASVS: no secret for ever); the first run's owner token alone does not.</summary>
    private static readonly TimeSpan DefaultLife = TimeSpan.FromDays(90);
    private static readonly TimeSpan LifeMax = TimeSpan.FromDays(365);
    private static readonly TimeSpan JoinLife = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan JoinLifeMax = TimeSpan.FromDays(30);

    /// <summary>For whoever may do everything on this server.</summary>
    public Task<(TokenRecord Info, string Secret)> ForOperatorAsync(
        string name, TimeSpan expires, Caller caller, CancellationToken cancellation)
    {
        AccessControl.Authorize(caller, CallerAction.ManageTokens, Resource.Instance);
        return AddAsync(TokenKind.User, new Owner(), Name(name), Life(expires), caller, cancellation);
    }

    /// <summary>For a person, with that person's roles.</summary>
    public Task<(TokenRecord Info, string Secret)> ForUserAsync(
        string email, string name, TimeSpan expires, Caller caller, CancellationToken cancellation)
    {
        var user = users.FindByEmail(Emails.Check(email));
        AccessControl.Authorize(
            caller,
            CallerAction.ManageTokens,
            new Resource { Text = $"user \"{email}\"", Exists = user is not null, UserId = user?.Id });
        return AddAsync(TokenKind.User, new Owner(User: user), Name(name), Life(expires), caller, cancellation);
    }

    public Task<(TokenRecord Info, string Secret)> ForOrganizationAsync(
        string id, string role, string name, TimeSpan expires, Caller caller, CancellationToken cancellation)
    {
        AccessControl.Authorize(caller, CallerAction.ManageTokens, Resource.Of(id, projects.FindOrganization(id)));
        var owner = new Owner(Organization: id, Role: role.Length == 0 ? Role.Owner : Roles.Parse(role));
        return AddAsync(TokenKind.Organization, owner, Name(name), Life(expires), caller, cancellation);
    }

    public Task<(TokenRecord Info, string Secret)> ForProjectAsync(
        string id, string name, TimeSpan expires, Caller caller, CancellationToken cancellation)
    {
        var project = projects.Find(id);
        AccessControl.Authorize(caller, CallerAction.ManageTokens, Resource.Of(id, project));
        return AddAsync(TokenKind.Project, new Owner(Project: project), Name(name), Life(expires), caller, cancellation);
    }

    /// <summary>Without a life: for one builder, within ten minutes. With one: for as many builders as come until then.</summary>
    public Task<(TokenRecord Info, string Secret)> ForJoiningAsync(TimeSpan expires, Caller caller, CancellationToken cancellation)
    {
        AccessControl.Authorize(caller, CallerAction.ManageBuilders, Resource.Instance);
        var owner = new Owner(Reusable: expires > TimeSpan.Zero);
        return AddAsync(TokenKind.Join, owner, "", Life(expires, JoinLife, JoinLifeMax), caller, cancellation);
    }

    /// <summary>The first run's owner token, which nobody is there yet to ask for; it lasts until it is revoked.</summary>
    internal Task<(TokenRecord Info, string Secret)> ForFirstRunAsync(CancellationToken cancellation) =>
        AddAsync(TokenKind.User, new Owner(), "owner", null, Caller.AtTheDataFolder, cancellation);

    /// <summary>What <c>depot login</c> gets for a person who approved it.</summary>
    internal static (TokenRecord Info, string Secret) ForLogin(User user, string name, long now)
    {
        var token = new TokenRecord
        {
            Id = Ids.Token(),
            Kind = TokenKind.User.Name(),
            Name = name,
            UserId = user.Id,
            CreatedBy = $"user {user.Email}",
            CreatedAt = now,
            ExpiresAt = now + DefaultLife.Milliseconds(),
        };
        return (token, TokenText.Create(TokenKind.User));
    }

    private async Task<(TokenRecord Info, string Secret)> AddAsync(
        TokenKind kind, Owner owner, string name, TimeSpan? life, Caller caller, CancellationToken cancellation)
    {
        var now = clock.Now();
        var secret = TokenText.Create(kind);
        var token = new TokenRecord
        {
            Id = Ids.Token(),
            Kind = kind.Name(),
            Name = name,
            OrganizationId = owner.Organization,
            ProjectId = owner.Project?.Id,
            UserId = owner.User?.Id,
            UserEmail = owner.User?.Email,
            Role = owner.Role?.Name(),
            Reusable = owner.Reusable,
            CreatedBy = caller.Name,
            CreatedAt = now,
            ExpiresAt = life is { } span ? now + span.Milliseconds() : null,
        };

        // A project's token is stored without its organization, whose owners nevertheless read of it.
        var record = token.Record(caller, "token.create", now);
        record = record with { OrganizationId = owner.Project?.OrganizationId ?? record.OrganizationId };
        await tokens.AddAsync(token, TokenText.Hash(secret), record, cancellation);
        return (token, secret);
    }

    private static string Name(string name) => Names.Check(name.Length == 0 ? "token" : name, "token");

    private static TimeSpan Life(TimeSpan asked) => Life(asked, DefaultLife, LifeMax);

    private static TimeSpan Life(TimeSpan asked, TimeSpan usual, TimeSpan longest)
    {
        if (asked < TimeSpan.Zero || asked > longest)
        {
            throw new ApiException(
                ConnectCode.InvalidArgument, $"a token of this kind cannot last {asked.TotalDays:0.#} days", $"at most {longest.TotalDays:0} days");
        }

        return asked == TimeSpan.Zero ? usual : asked;
    }

    private sealed record Owner(string? Organization = null, Project? Project = null, User? User = null, Role? Role = null, bool Reusable = false);
}
