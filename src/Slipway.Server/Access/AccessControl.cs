using Slipway.Contract.Connect;

namespace Slipway.Server.Access;

/// <summary>The one place that decides who may do what. Every call of every service and every page asks here.</summary>
internal static class AccessControl
{
    /// <summary>Returns when the caller may; otherwise throws what the caller is told.</summary>
    /// <exception cref="ApiException">
    /// <c>unauthenticated</c> for a caller without a credential that counts, else <c>permission_denied</c>: the same words for
    /// what is absent and what belongs to somebody else, so that nobody learns which ids are taken. Never <c>not_found</c>:
    /// on CreateBuild it sends the published client into its onboarding.
    /// </exception>
    public static void Authorize(Caller caller, CallerAction action, Resource resource)
    {
        if (caller.Kind == CallerKind.Anonymous)
        {
            throw new ApiException(caller.RefusalCode, caller.Refusal ?? "this token cannot be used here");
        }

        if (!Allows(caller, action, resource))
        {
            throw new AccessRefusedException(resource, Remedy(caller, action, resource));
        }
    }

    /// <summary>Whether the caller reaches things of this organization and project: the filter of every list.</summary>
    public static bool Reaches(Caller caller, string organizationId, string? projectId) => caller.Kind switch
    {
        CallerKind.Operator => true,
        CallerKind.User or CallerKind.Organization => caller.Has(Role.Viewer, organizationId),
        CallerKind.Project => projectId is not null && caller.ProjectId == projectId,
        CallerKind.Oidc => projectId is not null && caller.Oidc?.PolicyOf(projectId) is not null,
        CallerKind.Anonymous or CallerKind.Build or CallerKind.Pull or CallerKind.Builder or CallerKind.Join => false,
        _ => false,
    };

    /// <summary>The same without a refusal: for lists and for what a page offers.</summary>
    public static bool Allows(Caller caller, CallerAction action, Resource resource) => resource.Exists && caller.Kind switch
    {
        CallerKind.Operator => action is not (CallerAction.Enroll or CallerAction.ServeAsBuilder),
        CallerKind.User => RoleAllows(caller, action, resource) || IsOwnToken(caller, action, resource),
        CallerKind.Organization => RoleAllows(caller, action, resource),
        CallerKind.Project => ProjectAllows(caller, action, resource),
        CallerKind.Oidc => OidcAllows(caller, action, resource),
        CallerKind.Build => BuildAllows(caller, action, resource),
        CallerKind.Pull => action is CallerAction.PullImages && SharesImages(caller, resource),
        CallerKind.Builder => action is CallerAction.ServeAsBuilder && resource.BuilderId == caller.BuilderId,
        CallerKind.Join => action is CallerAction.Enroll,
        CallerKind.Anonymous => false,
        _ => false,
    };

    private static bool RoleAllows(Caller caller, CallerAction action, Resource resource) => action switch
    {
        CallerAction.ListProjects or CallerAction.ListOrganizations or CallerAction.ListTokens => true,
        CallerAction.ReadBuilds or CallerAction.ReadPeople or CallerAction.ReadTrust or CallerAction.ReadImages or CallerAction.PullImages =>
            caller.Has(Role.Viewer, resource.OrganizationId),
        CallerAction.CreateBuild or CallerAction.WorkOnBuild or CallerAction.ResetCache or CallerAction.DeleteImages =>
            caller.Has(Role.Member, resource.OrganizationId),
        CallerAction.PushImages => caller.Has(Role.Member, resource.OrganizationId) && !resource.IsUntrusted,
        CallerAction.CreateProject or CallerAction.ManageProject or CallerAction.ManageTokens or CallerAction.ManageTrust
            or CallerAction.ManagePeople or CallerAction.ReadAudit => caller.Has(Role.Owner, resource.OrganizationId),
        CallerAction.ManageOrganizations or CallerAction.ManageOperators or CallerAction.ManageBuilders or CallerAction.ManageRegistry
            or CallerAction.Enroll or CallerAction.ServeAsBuilder => false,
        _ => false,
    };

    // A person's own tokens are nobody else's business, whatever the person's roles.
    private static bool IsOwnToken(Caller caller, CallerAction action, Resource resource) =>
        action is CallerAction.ManageTokens && caller.UserId is not null && resource.UserId == caller.UserId;

    private static bool ProjectAllows(Caller caller, CallerAction action, Resource resource) => action switch
    {
        CallerAction.ListProjects => true,
        CallerAction.CreateBuild or CallerAction.WorkOnBuild or CallerAction.ReadBuilds or CallerAction.ReadImages or CallerAction.PullImages
            or CallerAction.DeleteImages => resource.ProjectId is { } project && project == caller.ProjectId,
        CallerAction.PushImages => resource.ProjectId is { } project && project == caller.ProjectId && !resource.IsUntrusted,
        _ => false,
    };

    // A build saves its image while it runs. The registry's protocol knows no smaller right than one to the whole repository.
    private static bool BuildAllows(Caller caller, CallerAction action, Resource resource) => action switch
    {
        CallerAction.WorkOnBuild => resource.BuildId == caller.BuildId,
        CallerAction.PullImages or CallerAction.PushImages => caller.BuildRuns && SharesImages(caller, resource),
        _ => false,
    };

    private static bool SharesImages(Caller caller, Resource resource) =>
        resource.ProjectId is { } project && project == caller.ProjectId && resource.IsUntrusted == caller.IsUntrusted;

    // A job's token opens builds and reads them; the build's own token does the rest.
    private static bool OidcAllows(Caller caller, CallerAction action, Resource resource) => action switch
    {
        CallerAction.ListProjects => caller.Oidc!.Matches.Count > 0,
        CallerAction.CreateBuild => resource.ProjectId is { } project && caller.Oidc!.PolicyOf(project) is not null,

        // What other builds printed is not for whoever sends a pull request.
        CallerAction.ReadBuilds or CallerAction.ReadImages or CallerAction.PullImages =>
            resource.ProjectId is { } project && !caller.Oidc!.IsUntrustedBy(project),
        _ => false,
    };

    private static string Remedy(Caller caller, CallerAction action, Resource resource) => action switch
    {
        CallerAction.CreateBuild or CallerAction.ReadBuilds or CallerAction.ReadImages or CallerAction.ListProjects when caller.Oidc is { } job =>
            job.WhyNot(resource.ProjectId),
        CallerAction.Enroll => "ask the server's owner for a join token: slipway admin builder join-token",
        CallerAction.ServeAsBuilder => "start the builder with a join token: slipway builder --server URL --join TOKEN",
        CallerAction.CreateBuild or CallerAction.WorkOnBuild or CallerAction.ReadBuilds or CallerAction.ReadImages or CallerAction.DeleteImages =>
            "check the id and DEPOT_TOKEN; \"depot list projects\" shows what this token reaches",
        // An operator lacks no rights, so it is not there.
        _ when caller.Kind is CallerKind.Operator => "check the id: the matching list command shows what there is",
        _ => "use a token with more rights: DEPOT_TOKEN of an owner, or slipway admin --data DIR on the server",
    };
}
