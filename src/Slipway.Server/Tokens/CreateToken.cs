using Slipway.Contract.Connect;
using Slipway.Contract.Tokens;
using Slipway.Server.Access;
using Slipway.Server.Projects;
using Slipway.Server.Storage;

namespace Slipway.Server.Tokens;

/// <summary>Makes the tokens that people handle; the secret is answered once and kept nowhere.</summary>
internal sealed class CreateToken(TokenStore tokens, ProjectStore projects, TimeProvider clock)
{
    /// <summary>Tokens of machines always end (ASVS: no secret for ever); a person's may be made without an end.</summary>
    private static readonly TimeSpan DefaultLife = TimeSpan.FromDays(90);
    private static readonly TimeSpan LifeMax = TimeSpan.FromDays(365);
    private static readonly TimeSpan JoinLife = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan JoinLifeMax = TimeSpan.FromDays(30);

    public Task<(TokenRecord Info, string Secret)> ForUserAsync(
        string name, TimeSpan expires, Caller caller, CancellationToken cancellation)
    {
        AccessControl.Authorize(caller, CallerAction.ManageTokens, Resource.Instance);
        return AddAsync(TokenKind.User, new Owner(), Name(name), Life(expires, DefaultLife, LifeMax), cancellation);
    }

    public Task<(TokenRecord Info, string Secret)> ForOrganizationAsync(
        string id, string name, TimeSpan expires, Caller caller, CancellationToken cancellation)
    {
        AccessControl.Authorize(caller, CallerAction.ManageTokens, Resource.Of(id, projects.FindOrganization(id)));
        return AddAsync(TokenKind.Organization, new Owner(Organization: id), Name(name), Life(expires, DefaultLife, LifeMax), cancellation);
    }

    public Task<(TokenRecord Info, string Secret)> ForProjectAsync(
        string id, string name, TimeSpan expires, Caller caller, CancellationToken cancellation)
    {
        AccessControl.Authorize(caller, CallerAction.ManageTokens, Resource.Of(id, projects.Find(id)));
        return AddAsync(TokenKind.Project, new Owner(Project: id), Name(name), Life(expires, DefaultLife, LifeMax), cancellation);
    }

    /// <summary>Without a life: for one builder, within ten minutes. With one: for as many builders as come until then.</summary>
    public Task<(TokenRecord Info, string Secret)> ForJoiningAsync(TimeSpan expires, Caller caller, CancellationToken cancellation)
    {
        AccessControl.Authorize(caller, CallerAction.ManageBuilders, Resource.Instance);
        var owner = new Owner(Reusable: expires > TimeSpan.Zero);
        return AddAsync(TokenKind.Join, owner, "", Life(expires, JoinLife, JoinLifeMax), cancellation);
    }

    /// <summary>The first run's owner token, which nobody is there yet to ask for; it lasts until it is revoked.</summary>
    internal Task<(TokenRecord Info, string Secret)> ForOwnerAsync(CancellationToken cancellation) =>
        AddAsync(TokenKind.User, new Owner(), "owner", null, cancellation);

    private async Task<(TokenRecord Info, string Secret)> AddAsync(
        TokenKind kind, Owner owner, string name, TimeSpan? life, CancellationToken cancellation)
    {
        var now = clock.Now();
        var secret = TokenText.Create(kind);
        var token = new TokenRecord
        {
            Id = Ids.Token(),
            Kind = kind.Name(),
            Name = name,
            OrganizationId = owner.Organization,
            ProjectId = owner.Project,
            Reusable = owner.Reusable,
            CreatedAt = now,
            ExpiresAt = life is { } span ? now + span.Milliseconds() : null,
        };
        await tokens.AddAsync(token, TokenText.Hash(secret), cancellation);
        return (token, secret);
    }

    private static string Name(string name) => Names.Check(name.Length == 0 ? "token" : name, "token");

    private static TimeSpan Life(TimeSpan asked, TimeSpan usual, TimeSpan longest)
    {
        if (asked < TimeSpan.Zero || asked > longest)
        {
            throw new ApiException(
                ConnectCode.InvalidArgument, $"a token of this kind cannot last {asked.TotalDays:0.#} days", $"at most {longest.TotalDays:0} days");
        }

        return asked == TimeSpan.Zero ? usual : asked;
    }

    private sealed record Owner(string? Organization = null, string? Project = null, bool Reusable = false);
}
