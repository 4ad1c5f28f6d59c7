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
        NewToken asked, Caller caller, CancellationToken cancellation)
    {
        AccessControl.Authorize(caller, CallerAction.ManageTokens, Resource.Instance);
        return AddAsync(TokenKind.User, new Owner(), Checked(asked), caller, cancellation);
    }

    /// <summary>For a person, with that person's roles.</summary>
    public Task<(TokenRecord Info, string Secret)> ForUserAsync(
        string email, NewToken asked, Caller caller, CancellationToken cancellation)
    {
        var user = users.FindByEmail(Emails.Check(email));
        AccessControl.Authorize(
            caller,
            CallerAction.ManageTokens,
            new Resource { Text = $"user \"{email}\"", Exists = user is not null, UserId = user?.Id });
        return AddAsync(TokenKind.User, new Owner(User: user), Checked(asked), caller, cancellation);
    }

    public Task<(TokenRecord Info, string Secret)> ForOrganizationAsync(
        string id, string role, NewToken asked, Caller caller, CancellationToken cancellation)
    {
        AccessControl.Authorize(caller, CallerAction.ManageTokens, Resource.Of(id, projects.FindOrganization(id)));
        var owner = new Owner(Organization: id, Role: role.Length == 0 ? Role.Owner : Roles.Parse(role));
        return AddAsync(TokenKind.Organization, owner, Checked(asked), caller, cancellation);
    }

    public Task<(TokenRecord Info, string Secret)> ForProjectAsync(
        string id, NewToken asked, Caller caller, CancellationToken cancellation)
    {
        var project = projects.Find(id);
        AccessControl.Authorize(caller, CallerAction.ManageTokens, Resource.Of(id, project));
        return AddAsync(TokenKind.Project, new Owner(Project: project), Checked(asked), caller, cancellation);
    }

    /// <summary>Without a life: for one builder, within ten minutes. With one: for as many builders as come until then.</summary>
    public Task<(TokenRecord Info, string Secret)> ForJoiningAsync(NewToken asked, Caller caller, CancellationToken cancellation)
    {
        AccessControl.Authorize(caller, CallerAction.ManageBuilders, Resource.Instance);
        var owner = new Owner(Reusable: asked.Expires > TimeSpan.Zero);
        var limits = new Limits("", Life(asked.Expires, JoinLife, JoinLifeMax), AddressList.Check(asked.AllowedFrom));
        return AddAsync(TokenKind.Join, owner, limits, caller, cancellation);
    }

    /// <summary>The first run's owner token, which nobody is there yet to ask for; it lasts until it is revoked.</summary>
    internal Task<(TokenRecord Info, string Secret)> ForFirstRunAsync(CancellationToken cancellation) =>
        AddAsync(TokenKind.User, new Owner(), new Limits("owner", null, ""), Caller.AtTheDataFolder, cancellation);

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
        TokenKind kind, Owner owner, Limits limits, Caller caller, CancellationToken cancellation)
    {
        var now = clock.Now();
        var secret = TokenText.Create(kind);
        var token = new TokenRecord
        {
            Id = Ids.Token(),
            Kind = kind.Name(),
            Name = limits.Name,
            OrganizationId = owner.Organization,
            ProjectId = owner.Project?.Id,
            UserId = owner.User?.Id,
            UserEmail = owner.User?.Email,
            Role = owner.Role?.Name(),
            Reusable = owner.Reusable,
            CreatedBy = caller.Name,
            AllowedFrom = limits.AllowedFrom,
            CreatedAt = now,
            ExpiresAt = limits.Life is { } span ? now + span.Milliseconds() : null,
        };

        // A project's token is stored without its organization, whose owners nevertheless read of it.
        var record = token.Record(caller, "token.create", now);
        record = record with { OrganizationId = owner.Project?.OrganizationId ?? record.OrganizationId };
        await tokens.AddAsync(token, TokenText.Hash(secret), record, cancellation);
        return (token, secret);
    }

    private static Limits Checked(NewToken asked) => new(
        Names.Check(asked.Name.Length == 0 ? "token" : asked.Name, "token"), Life(asked.Expires, DefaultLife, LifeMax), AddressList.Check(asked.AllowedFrom));

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

    private sealed record Limits(string Name, TimeSpan? Life, string AllowedFrom);
}

/// <summary>What somebody asks of a token, whoever's it is to be.</summary>
/// <param name="Expires">Zero: what is usual for its kind.</param>
/// <param name="AllowedFrom">Addresses and networks that calls with it may come from; empty: anywhere.</param>
internal sealed record NewToken(string Name, TimeSpan Expires, IReadOnlyList<string> AllowedFrom)
{
    /// <summary>Nothing in particular.</summary>
    public static NewToken Usual { get; } = new("", TimeSpan.Zero, []);
}
