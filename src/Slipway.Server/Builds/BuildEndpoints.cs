using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Slipway.Contract;
using Slipway.Contract.Connect;
using Slipway.Contract.Depot.Cli.V1;
using Slipway.Server.Access;
using Slipway.Server.Projects;
using Slipway.Server.Registry;
using Slipway.Server.Storage;
using Slipway.Server.Tokens;

namespace Slipway.Server.Builds;

/// <summary>The public build API.</summary>
internal sealed class BuildEndpoints(
    StartBuild start,
    ConnectBuild connect,
    EndBuild end,
    ListBuilds list,
    BuildStore builds,
    ProjectStore projects,
    BuildActivity activity,
    CreatePullToken pullToken,
    ImageRegistry registry,
    SettledUrl url) : BuildService.BuildServiceBase
{
    private const int ReasonLengthMax = 4000;

    public override Task<CreateBuildResponse> CreateBuild(CreateBuildRequest request, ServerCallContext context) =>
        start.HandleAsync(request, context.Caller(), context.CancellationToken);

    public override Task<GetBuildResponse> GetBuild(GetBuildRequest request, ServerCallContext context)
    {
        // A build's own token works on it; everybody else who asks wants to see it.
        var action = context.Caller().Kind == CallerKind.Build ? CallerAction.WorkOnBuild : CallerAction.ReadBuilds;
        var build = Find(request.BuildId, action, context);
        return Task.FromResult(new GetBuildResponse
        {
            BuildId = build.Id,
            ProjectId = build.ProjectId,
            BuildUrl = url.OfBuild(build.Id),
        });
    }

    public override async Task<FinishBuildResponse> FinishBuild(FinishBuildRequest request, ServerCallContext context)
    {
        var build = Find(request.BuildId, CallerAction.WorkOnBuild, context);
        await end.HandleAsync(build.Id, ReadResult(request), context.CancellationToken);
        return new FinishBuildResponse();
    }

    public override Task<GetBuildKitConnectionResponse> GetBuildKitConnection(
        GetBuildKitConnectionRequest request, ServerCallContext context)
    {
        var build = Find(request.BuildId, CallerAction.WorkOnBuild, context);
        return connect.HandleAsync(build, request.Platform, context.CancellationToken);
    }

    public override Task<ReportBuildHealthResponse> ReportBuildHealth(ReportBuildHealthRequest request, ServerCallContext context)
    {
        var build = Find(request.BuildId, CallerAction.WorkOnBuild, context);
        if (build.IsRunning)
        {
            activity.Hear(build.Id, request.WatchesBuilder);
        }

        // The client compares the time with its own clock, so it is far in the past or not there at all.
        var stopped = !build.IsRunning && build.EndedBy != BuildEnd.ByClient && build.Status != (long)BuildStatus.Finished;
        return Task.FromResult(new ReportBuildHealthResponse { CancelsAt = stopped ? new Timestamp() : null });
    }

    public override async Task<ReportStatusStreamResponse> ReportStatusStream(
        IAsyncStreamReader<ReportStatusStreamRequest> requestStream, ServerCallContext context)
    {
        // Read and let go: the builder is the witness of a build's steps. Reading one message at a time bounds the memory.
        var judged = "";
        await foreach (var request in requestStream.ReadAllAsync(context.CancellationToken))
        {
            if (request.BuildId != judged)
            {
                activity.Hear(Find(request.BuildId, CallerAction.WorkOnBuild, context).Id);
                judged = request.BuildId;
            }
        }

        if (judged.Length == 0)
        {
            AccessControl.Authorize(context.Caller(), CallerAction.WorkOnBuild, OwnBuild(context.Caller()));
        }

        return new ReportStatusStreamResponse();
    }

    public override Task<ReportTimingsResponse> ReportTimings(ReportTimingsRequest request, ServerCallContext context) =>
        Accept(new ReportTimingsResponse(), context);

    public override Task<ReportStatusResponse> ReportStatus(ReportStatusRequest request, ServerCallContext context) =>
        Accept(new ReportStatusResponse(), context);

    public override Task<ReportBuildContextResponse> ReportBuildContext(ReportBuildContextRequest request, ServerCallContext context) =>
        Accept(new ReportBuildContextResponse(), context);

    public override Task<ListBuildsResponse> ListBuilds(ListBuildsRequest request, ServerCallContext context)
    {
        var project = projects.Find(request.ProjectId);
        AccessControl.Authorize(context.Caller(), CallerAction.ReadBuilds, Resource.Of(request.ProjectId, project));
        var (found, next) = list.Page(BuildFilter.OfProject(request.ProjectId), request.PageSize, request.PageToken);
        var response = new ListBuildsResponse { NextPageToken = next };
        response.Builds.AddRange(found.Select(build => new Contract.Depot.Cli.V1.Build
        {
            Id = build.Id,
            Status = (BuildStatus)build.Status,
            CreatedAt = build.CreatedAt.ToWire(),
            FinishedAt = build.FinishedAt.ToWire(),
            Untrusted = build.Untrusted,
        }));
        return Task.FromResult(response);
    }

    public override async Task<GetPullInfoResponse> GetPullInfo(GetPullInfoRequest request, ServerCallContext context)
    {
        var build = Find(request.BuildId, CallerAction.ReadImages, context);
        var response = new GetPullInfoResponse
        {
            Reference = registry.NameOf(ImageRepository.Of(build), build.Id),
            RegistryHost = registry.Host,
        };
        if (build.Saved is null)
        {
            // One that says that nothing is saved: with none at all, clients would try to pull.
            response.Options.Add(new BuildOptions());
        }
        else
        {
            var (_, secret) = await pullToken.HandleAsync("", build.Id, NewToken.Usual, context.Caller(), context.CancellationToken);
            (response.Username, response.Password) = (SavedImages.User, secret);
            response.Options.AddRange(SavedImages.OptionsOf(build));
        }

        return response;
    }

    public override async Task<GetPullTokenResponse> GetPullToken(GetPullTokenRequest request, ServerCallContext context)
    {
        var caller = context.Caller();

        // A project's token need not say whose images it means.
        var project = request is { ProjectId: "", BuildId: "" } ? caller.ProjectId ?? "" : request.ProjectId;
        var (_, secret) = await pullToken.HandleAsync(project, request.BuildId, NewToken.Usual, caller, context.CancellationToken);
        return new GetPullTokenResponse { Token = secret, RegistryHost = registry.Host };
    }

    // These three carry no build id: whoever works on any build may send them, and nothing is kept.
    private static Task<T> Accept<T>(T answer, ServerCallContext context)
    {
        AccessControl.Authorize(context.Caller(), CallerAction.WorkOnBuild, OwnBuild(context.Caller()));
        return Task.FromResult(answer);
    }

    private static Resource OwnBuild(Caller caller) => new()
    {
        Text = "a build",
        OrganizationId = caller.Roles.FirstOrDefault(held => held.Value >= Role.Member).Key,
        ProjectId = caller.ProjectId,
        BuildId = caller.BuildId,
    };

    private Build Find(string buildId, CallerAction action, ServerCallContext context)
    {
        var build = builds.Find(buildId);
        AccessControl.Authorize(context.Caller(), action, Resource.Of(buildId, build));
        return build!;
    }

    private static BuildEnd ReadResult(FinishBuildRequest request) => request.ResultCase switch
    {
        FinishBuildRequest.ResultOneofCase.Success => new BuildEnd(BuildStatus.Finished, "", BuildEnd.ByClient),
        FinishBuildRequest.ResultOneofCase.Error => new BuildEnd(BuildStatus.Failed, request.Error.Error.Clip(ReasonLengthMax), BuildEnd.ByClient),
        FinishBuildRequest.ResultOneofCase.Canceled => new BuildEnd(BuildStatus.Canceled, "canceled by the client", BuildEnd.ByClient),
        FinishBuildRequest.ResultOneofCase.None => throw NoResult(),
        _ => throw NoResult(),
    };

    private static ApiException NoResult() =>
        new(ConnectCode.InvalidArgument, "FinishBuild has no result", "send success, error or canceled");
}
