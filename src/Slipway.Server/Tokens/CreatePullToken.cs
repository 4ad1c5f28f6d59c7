using Slipway.Contract.Connect;
using Slipway.Contract.Tokens;
using Slipway.Server.Access;
using Slipway.Server.Builds;
using Slipway.Server.Projects;
using Slipway.Server.Registry;
using Slipway.Server.Storage;

namespace Slipway.Server.Tokens;

/// <summary>Makes the tokens that open the registry for pulling and nothing else: for whoever may read a project's images, for an hour at most.</summary>
internal sealed class CreatePullToken(TokenStore tokens, ProjectStore projects, BuildStore builds, ImageRegistry registry, TimeProvider clock)
{
    private static readonly TimeSpan LifeMax = TimeSpan.FromHours(1);

    /// <summary>For a build's repository where a build is named, else for the project's own.</summary>
    public Task<(TokenRecord Info, string Secret)> HandleAsync(
        string projectId, string buildId, NewToken asked, Caller caller, CancellationToken cancellation)
    {
        var build = Authorize(projectId, buildId, caller);
        _ = registry.Required;
        return AddAsync(build?.ProjectId ?? projectId, build, asked, caller, cancellation);
    }

    private Build? Authorize(string projectId, string buildId, Caller caller)
    {
        if (buildId.Length == 0)
        {
            AccessControl.Authorize(caller, CallerAction.ReadImages, Resource.Of(projectId, projects.Find(projectId)));
            return null;
        }

        // Of another project than the one that was named: as if there were none.
        var build = builds.Find(buildId) is { } found && (projectId.Length == 0 || found.ProjectId == projectId) ? found : null;
        AccessControl.Authorize(caller, CallerAction.ReadImages, Resource.Of(buildId, build));
        return build;
    }

    private async Task<(TokenRecord Info, string Secret)> AddAsync(
        string projectId, Build? build, NewToken asked, Caller caller, CancellationToken cancellation)
    {
        var now = clock.Now();
        var secret = TokenText.Create(TokenKind.Pull);
        var token = new TokenRecord
        {
            Id = Ids.Token(),
            Kind = TokenKind.Pull.Name(),
            Name = asked.Name.Length == 0 ? $"for {caller.Name}" : Names.Check(asked.Name, "token"),
            ProjectId = build is null ? projectId : null,
            BuildId = build?.Id,
            AllowedFrom = asked.AllowedFrom.Count > 0 ? AddressList.Check(asked.AllowedFrom) : PlacesOf(caller),
            CreatedBy = caller.Name,
            CreatedAt = now,
            ExpiresAt = now + Life(asked.Expires).Milliseconds(),
        };
        var record = token.Record(caller, "token.create", now) with
        {
            OrganizationId = projects.Find(projectId)?.OrganizationId ?? "",
            ProjectId = projectId,
            Detail = $"pull token of {(build is null ? $"project {projectId}" : $"build {build.Id}")}",
        };
        await tokens.AddAsync(token, TokenText.Hash(secret), record, cancellation);
        return (token with { ProjectId = projectId }, secret);
    }

    // A token that counts in some places only makes none that counts everywhere.
    private string PlacesOf(Caller caller) => caller.TokenId is { } id && tokens.Find(id) is { } own ? own.AllowedFrom : "";

    private static TimeSpan Life(TimeSpan asked) => asked < TimeSpan.Zero || asked > LifeMax
        ? throw new ApiException(ConnectCode.InvalidArgument, $"a pull token cannot last {asked.TotalMinutes:0.##} minutes", $"at most {LifeMax.TotalMinutes:0} minutes")
        : asked == TimeSpan.Zero ? LifeMax : asked;
}
