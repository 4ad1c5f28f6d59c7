using System.Text.Json;
using Microsoft.Data.Sqlite;
using Slipway.Contract;
using Slipway.Contract.Connect;
using Slipway.Contract.Depot.Cli.V1;
using Slipway.Contract.Tokens;
using Slipway.Server.Access;
using Slipway.Server.Audit;
using Slipway.Server.Projects;
using Slipway.Server.Registry;
using Slipway.Server.Storage;
using Slipway.Server.Tokens;
using Slipway.Server.Trust;

namespace Slipway.Server.Builds;

/// <summary>Opens a build. Never sheds load: the published client gives up at the first refusal.</summary>
internal sealed class StartBuild(
    ProjectStore projects, BuildStore builds, BuildActivity activity, Replays replays, SavedImages images, SettledUrl url, ServerMetrics metrics, TimeProvider clock)
{
    private const int TagsMax = 50;

    /// <summary>More than any pipeline opens in one token's life; a stolen token opens no more.</summary>
    private const int BuildsPerCiTokenMax = 100;

    public async Task<CreateBuildResponse> HandleAsync(CreateBuildRequest request, Caller caller, CancellationToken cancellation)
    {
        var project = Choose(request.ProjectId, caller);
        RefuseOtherEngines(request.RequiredEngine);
        var now = clock.Now();
        var build = new Build
        {
            Id = Ids.Build(),
            ProjectId = project.Id,
            OrganizationId = project.OrganizationId,
            StartedBy = caller.Oidc is { } job ? $"{caller.Name} through {job.Through(project.Id)}" : caller.Name,
            Tags = JsonSerializer.Serialize(request.Options.SelectMany(option => option.Tags).Distinct(StringComparer.Ordinal).Take(TagsMax)),
            Origin = JsonSerializer.Serialize(caller.Oidc?.Origin ?? JobOrigin.None),
            Untrusted = caller.Oidc?.IsUntrustedBy(project.Id) == true,
            Saved = images.Read(request.Options),
            CreatedAt = now,
        };
        var secret = TokenText.Create(TokenKind.Build);
        var token = new TokenRecord
        {
            Id = Ids.Token(),
            Kind = TokenKind.Build.Name(),
            Name = build.Id,
            BuildId = build.Id,
            CreatedAt = now,
            ExpiresAt = now + (Limits.BuildDurationMax + Limits.CertificateGrace).Milliseconds(),
        };
        await builds.AddAsync(build, token, TokenText.Hash(secret), UseOf(caller, build), cancellation);
        activity.Hear(build.Id);
        metrics.CountBuild();
        var response = new CreateBuildResponse
        {
            BuildId = build.Id,
            BuildToken = secret,
            ProjectId = project.Id,
            BuildUrl = url.OfBuild(build.Id),
            Registry = new CreateBuildResponse.Types.Registry(),
            Untrusted = build.Untrusted,
        };
        images.Describe(build, secret, response);
        return response;
    }

    /// <summary>What a CI token's use changes and leaves in the audit log, in the build's own transaction; null for other callers.</summary>
    private Action<SqliteConnection>? UseOf(Caller caller, Build build) => caller.Oidc is not { } job ? null : connection =>
    {
        var policy = job.PolicyOf(build.ProjectId)!;
        var (count, projectId) = TrustStore.Use(connection, job, build.ProjectId, build.CreatedAt);
        if (projectId != build.ProjectId)
        {
            replays.Tell(Replays.CiToken, $"{caller.Name} at {caller.Address}");
            throw new ApiException(
                ConnectCode.PermissionDenied, "this CI token was used for another project before", "ask the CI provider for a new token");
        }

        if (count > (policy.SingleUse ? 1 : BuildsPerCiTokenMax))
        {
            replays.Tell(Replays.CiToken, $"{caller.Name} at {caller.Address}");
            throw new ApiException(
                policy.SingleUse ? ConnectCode.Unauthenticated : ConnectCode.ResourceExhausted,
                policy.SingleUse ? "this CI token was used before, and the trust relationship takes each once" : $"this CI token has opened {BuildsPerCiTokenMax} builds",
                "ask the CI provider for a new token");
        }

        AuditStore.Append(connection, AuditEntry.By(caller, "build.create", $"build {build.Id}", build.CreatedAt) with
        {
            OrganizationId = build.OrganizationId,
            ProjectId = build.ProjectId,
            Detail = job.Through(build.ProjectId),
        });
    };

    private Project Choose(string projectId, Caller caller)
    {
        if (projectId.Length == 0)
        {
            return ChooseTheOnlyOne(caller);
        }

        var project = projects.Find(projectId);
        AccessControl.Authorize(caller, CallerAction.CreateBuild, Resource.Of(projectId, project));
        return project!;
    }

    private Project ChooseTheOnlyOne(Caller caller)
    {
        AccessControl.Authorize(caller, CallerAction.ListProjects, Resource.Own);
        var reachable = projects.List().Where(p => AccessControl.Reaches(caller, p.OrganizationId, p.Id)).Take(2).ToList();
        if (reachable is not [var only])
        {
            // The one not_found of this call: it makes the published client offer the list of projects.
            throw new ApiException(
                ConnectCode.NotFound,
                reachable.Count == 0 ? "this token reaches no project" : "no project was named and this token reaches several",
                reachable.Count == 0
                    ? "create one: slipway admin project create NAME"
                    : "name one with --project, DEPOT_PROJECT_ID or depot.json");
        }

        AccessControl.Authorize(caller, CallerAction.CreateBuild, Resource.Of(only.Id, only));
        return only;
    }

    private static void RefuseOtherEngines(RequiredEngine? engine)
    {
        if (engine?.EngineCase == RequiredEngine.EngineOneofCase.Dagger)
        {
            throw new ApiException(ConnectCode.Unimplemented, "this server has no Dagger engines; it builds with BuildKit");
        }
    }
}
