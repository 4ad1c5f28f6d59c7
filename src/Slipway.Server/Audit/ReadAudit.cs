using Slipway.Contract.Admin.V1;
using Slipway.Contract.Connect;
using Slipway.Server.Access;
using Slipway.Server.Projects;
using Slipway.Server.Storage;

namespace Slipway.Server.Audit;

/// <summary>The audit log: an organization's for its owners, all of it for the operator.</summary>
internal sealed class ReadAudit(AuditStore store, ProjectStore projects, TimeProvider clock)
{
    private const int PageDefault = 100;
    private const int PageMax = 1000;

    public IReadOnlyList<AuditEntry> Page(ListAuditRequest request, Caller caller)
    {
        var organization = request.OrganizationId.Length > 0 || caller.Kind == CallerKind.Operator ? request.OrganizationId : OwnedBy(caller);
        AccessControl.Authorize(
            caller,
            CallerAction.ReadAudit,
            organization.Length == 0 ? Resource.Instance : Resource.Of(organization, projects.FindOrganization(organization)));
        if (request.Outcome is not ("" or AuditEntry.Done or AuditEntry.Refused))
        {
            throw new ApiException(ConnectCode.InvalidArgument, $"the outcome is \"{request.Outcome}\"", "ask for ok or denied");
        }

        var filter = new AuditFilter
        {
            OrganizationId = organization,
            ProjectId = request.ProjectId,
            Actor = request.Actor,
            Action = request.Action,
            Outcome = request.Outcome,
            Since = request.SinceSeconds > 0 ? clock.Now() - (Math.Min(request.SinceSeconds, int.MaxValue) * 1000) : 0,
        };
        var before = request.BeforeSequence > 0 ? request.BeforeSequence : long.MaxValue;
        return store.List(filter, before, request.PageSize <= 0 ? PageDefault : Math.Min(request.PageSize, PageMax));
    }

    // Who owns one organization need not name it.
    private static string OwnedBy(Caller caller) =>
        caller.Roles.Where(held => held.Value == Role.Owner).Select(held => held.Key).Take(2).ToList() is [var only] ? only : "";
}
