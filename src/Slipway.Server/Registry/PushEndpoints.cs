using Grpc.Core;
using Slipway.Contract;
using Slipway.Contract.Depot.Cli.V1;
using Slipway.Server.Access;
using Slipway.Server.Audit;
using Slipway.Server.Builds;
using Slipway.Server.Storage;

namespace Slipway.Server.Registry;

/// <summary>Copies of saved images into other registries: clients make them, and tell where they went. That is for the audit log.</summary>
internal sealed class PushEndpoints(BuildStore builds, AuditStore audit, ImageRegistry registry, TimeProvider clock) : PushService.PushServiceBase
{
    private const int TextMax = 500;

    public override async Task<StartPushResponse> StartPush(StartPushRequest request, ServerCallContext context)
    {
        var entry = Entry(request.BuildId, "push.start", context) with { Detail = $"to {request.Tag.Clip(TextMax)}" };
        _ = registry.Required;
        await audit.AppendAsync([entry], context.CancellationToken);
        return new StartPushResponse { PushId = Ids.Push() };
    }

    public override async Task<FinishPushResponse> FinishPush(FinishPushRequest request, ServerCallContext context)
    {
        var entry = Entry(request.BuildId, "push.finish", context) with
        {
            Detail = $"push {request.PushId.Clip(TextMax)}{(request.HasError ? $" failed: {request.Error.Clip(TextMax)}" : "")}",
        };
        await audit.AppendAsync([entry], context.CancellationToken);
        return new FinishPushResponse();
    }

    private AuditEntry Entry(string buildId, string action, ServerCallContext context)
    {
        var build = builds.Find(buildId);
        AccessControl.Authorize(context.Caller(), CallerAction.ReadImages, Resource.Of(buildId, build));
        return AuditEntry.By(context.Caller(), action, $"build {build!.Id}", clock.Now()) with
        {
            OrganizationId = build.OrganizationId, ProjectId = build.ProjectId,
        };
    }
}
