using Slipway.Contract.Connect;

namespace Slipway.Server.Access;

/// <summary>The one place that decides who may do what. Every call of every service asks here.</summary>
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
            throw new ApiException(ConnectCode.Unauthenticated, caller.Refusal ?? "this token cannot be used here");
        }

        if (!resource.Exists || !Allows(caller, action, resource))
        {
            throw new ApiException(ConnectCode.PermissionDenied, $"no access to {resource.Text}", Remedy(action));
        }
    }

    /// <summary>Whether the caller reaches things of this organization and project: the filter of every list.</summary>
    public static bool Reaches(Caller caller, string organizationId, string? projectId) => caller.Kind switch
    {
        CallerKind.User => true,
        CallerKind.Organization => caller.OrganizationId == organizationId,
        CallerKind.Project => projectId is not null && caller.ProjectId == projectId,
        CallerKind.Anonymous or CallerKind.Build or CallerKind.Builder or CallerKind.Join => false,
        _ => false,
    };

    private static bool Allows(Caller caller, CallerAction action, Resource resource) => caller.Kind switch
    {
        CallerKind.User => action is not (CallerAction.Enroll or CallerAction.ServeAsBuilder),
        CallerKind.Organization => OrganizationAllows(caller, action, resource),
        CallerKind.Project => ProjectAllows(caller, action, resource),
        CallerKind.Build => action is CallerAction.WorkOnBuild && resource.BuildId == caller.BuildId,
        CallerKind.Builder => action is CallerAction.ServeAsBuilder && resource.BuilderId == caller.BuilderId,
        CallerKind.Join => action is CallerAction.Enroll,
        CallerKind.Anonymous => false,
        _ => false,
    };

    private static bool OrganizationAllows(Caller caller, CallerAction action, Resource resource) => action switch
    {
        CallerAction.ListProjects or CallerAction.ListOrganizations or CallerAction.ListTokens => true,
        CallerAction.CreateBuild or CallerAction.WorkOnBuild or CallerAction.ReadBuilds or CallerAction.ResetCache
            or CallerAction.CreateProject or CallerAction.ManageProject or CallerAction.ManageTokens =>
            resource.OrganizationId is { } organization && organization == caller.OrganizationId,
        CallerAction.ManageOrganizations or CallerAction.ManageBuilders or CallerAction.Enroll
            or CallerAction.ServeAsBuilder => false,
        _ => false,
    };

    private static bool ProjectAllows(Caller caller, CallerAction action, Resource resource) => action switch
    {
        CallerAction.ListProjects => true,
        CallerAction.CreateBuild or CallerAction.WorkOnBuild or CallerAction.ReadBuilds =>
            resource.ProjectId is { } project && project == caller.ProjectId,
        _ => false,
    };

    private static string Remedy(CallerAction action) => action switch
    {
        CallerAction.Enroll => "ask the server's owner for a join token: slipway admin builder join-token",
        CallerAction.ServeAsBuilder => "start the builder with a join token: slipway builder --server URL --join TOKEN",
        CallerAction.CreateBuild or CallerAction.WorkOnBuild or CallerAction.ReadBuilds =>
            "check the id and DEPOT_TOKEN; \"depot list projects\" shows what this token reaches",
        _ => "use a token with more rights: DEPOT_TOKEN of an owner, or slipway admin --data DIR on the server",
    };
}
