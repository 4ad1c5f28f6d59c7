using Grpc.Core;
using Slipway.Contract.Admin.V1;
using Slipway.Contract.Connect;
using Slipway.Server.Access;
using Slipway.Server.Audit;
using Slipway.Server.Builders;
using Slipway.Server.Builds;
using Slipway.Server.People;
using Slipway.Server.Projects;
using Slipway.Server.Records;
using Slipway.Server.Registry;
using Slipway.Server.Storage;
using Slipway.Server.Tokens;
using Slipway.Server.Trust;

namespace Slipway.Server.Admin;

/// <summary>Everything that <c>slipway admin</c> can do.</summary>
internal sealed class AdminEndpoints(
    ManageProjects manage,
    CreateToken createToken,
    CreatePullToken createPullToken,
    ManageTokens manageTokens,
    ManagePeople people,
    ManageTrust trust,
    ReadAudit audit,
    ManageBuilders manageBuilders,
    ListBuilds listBuilds,
    ProjectStore projects,
    BuildStore builds,
    RecordStore records,
    ImageRegistry registry) : AdminService.AdminServiceBase
{

    public override async Task<Contract.Admin.V1.Organization> CreateOrganization(
        CreateOrganizationRequest request, ServerCallContext context) =>
        (await manage.CreateOrganizationAsync(request.Name, context.Caller(), context.CancellationToken)).ToWire();

    public override Task<ListOrganizationsResponse> ListOrganizations(ListOrganizationsRequest request, ServerCallContext context)
    {
        var caller = context.Caller();
        AccessControl.Authorize(caller, CallerAction.ListOrganizations, Resource.Own);
        var response = new ListOrganizationsResponse();
        response.Organizations.AddRange(projects.ListOrganizations()
            .Where(organization => AccessControl.Reaches(caller, organization.Id, null))
            .Select(AdminWire.ToWire));
        return Task.FromResult(response);
    }

    public override async Task<Contract.Admin.V1.Project> CreateProject(CreateProjectRequest request, ServerCallContext context) =>
        (await manage.CreateAsync(
            request.OrganizationId,
            request.Name,
            (request.CacheKeepBytes, request.CacheKeepDays),
            context.Caller(),
            context.CancellationToken)).ToWire();

    public override Task<ListProjectsResponse> ListProjects(ListProjectsRequest request, ServerCallContext context)
    {
        var response = new ListProjectsResponse();
        response.Projects.AddRange(manage.List(context.Caller())
            .Where(project => request.OrganizationId.Length == 0 || project.OrganizationId == request.OrganizationId)
            .Select(AdminWire.ToWire));
        return Task.FromResult(response);
    }

    public override async Task<Contract.Admin.V1.Project> UpdateProject(UpdateProjectRequest request, ServerCallContext context) =>
        (await manage.UpdateAsync(
            request.ProjectId,
            request.HasName ? request.Name : null,
            request.HasCacheKeepBytes ? request.CacheKeepBytes : null,
            request.HasCacheKeepDays ? request.CacheKeepDays : null,
            context.Caller(),
            context.CancellationToken)).ToWire();

    public override async Task<DeleteProjectResponse> DeleteProject(DeleteProjectRequest request, ServerCallContext context)
    {
        await manage.DeleteAsync(request.ProjectId, context.Caller(), context.CancellationToken);
        return new DeleteProjectResponse();
    }

    public override async Task<CreateTokenResponse> CreateToken(CreateTokenRequest request, ServerCallContext context)
    {
        var caller = context.Caller();
        var asked = new NewToken(request.Name, Span(request.ExpiresInSeconds), request.AllowedFrom);
        var (info, secret) = request.OwnerCase switch
        {
            CreateTokenRequest.OwnerOneofCase.OrganizationId => await createToken.ForOrganizationAsync(
                request.OrganizationId, request.Role, asked, caller, context.CancellationToken),
            CreateTokenRequest.OwnerOneofCase.ProjectId => await createToken.ForProjectAsync(
                request.ProjectId, asked, caller, context.CancellationToken),
            CreateTokenRequest.OwnerOneofCase.UserEmail => await createToken.ForUserAsync(
                request.UserEmail, asked, caller, context.CancellationToken),
            CreateTokenRequest.OwnerOneofCase.PullProjectId => await createPullToken.HandleAsync(
                request.PullProjectId, "", asked, caller, context.CancellationToken),
            CreateTokenRequest.OwnerOneofCase.PullBuildId => await createPullToken.HandleAsync(
                "", request.PullBuildId, asked, caller, context.CancellationToken),
            CreateTokenRequest.OwnerOneofCase.User => await createToken.ForOperatorAsync(asked, caller, context.CancellationToken),
            _ => throw Ownerless(caller),
        };
        return new CreateTokenResponse { Info = info.ToWire(), Token = secret };
    }

    public override Task<ListTokensResponse> ListTokens(ListTokensRequest request, ServerCallContext context)
    {
        var response = new ListTokensResponse();
        response.Tokens.AddRange(manageTokens.List(context.Caller()).Select(AdminWire.ToWire));
        return Task.FromResult(response);
    }

    public override async Task<RevokeTokenResponse> RevokeToken(RevokeTokenRequest request, ServerCallContext context)
    {
        await manageTokens.RevokeAsync(request.TokenId, context.Caller(), context.CancellationToken);
        return new RevokeTokenResponse();
    }

    public override async Task<CreateTokenResponse> RotateToken(RotateTokenRequest request, ServerCallContext context)
    {
        var (info, secret) = await manageTokens.RotateAsync(
            request.TokenId, Span(request.OverlapSeconds), context.Caller(), context.CancellationToken);
        return new CreateTokenResponse { Info = info.ToWire(), Token = secret };
    }

    public override Task<Contract.Admin.V1.Registry> GetRegistry(GetRegistryRequest request, ServerCallContext context)
    {
        AccessControl.Authorize(context.Caller(), CallerAction.ManageRegistry, Resource.Instance);
        return Task.FromResult(new Contract.Admin.V1.Registry
        {
            Url = registry.Required.GetLeftPart(UriPartial.Authority),
            Realm = registry.Realm,
            Service = registry.Service,
            Issuer = ImageRegistry.Issuer,
            Certificates = registry.Signer.Roots,
        });
    }

    public override async Task<InviteUserResponse> InviteUser(InviteUserRequest request, ServerCallContext context)
    {
        var (invitation, secret) = await people.InviteAsync(
            request.Email, request.OrganizationId, request.Role, Span(request.ExpiresInSeconds), context.Caller(), context.CancellationToken);
        return new InviteUserResponse { User = invitation.ToWire(), Link = $"/invitations/{secret}" };
    }

    public override Task<ListUsersResponse> ListUsers(ListUsersRequest request, ServerCallContext context)
    {
        var response = new ListUsersResponse();
        response.Users.AddRange(people.List(request.OrganizationId, context.Caller()).Select(AdminWire.ToWire));
        return Task.FromResult(response);
    }

    public override async Task<Contract.Admin.V1.User> SetUserRole(SetUserRoleRequest request, ServerCallContext context) =>
        (await people.SetRoleAsync(
            request.Email, request.OrganizationId, request.Role, context.Caller(), context.CancellationToken)).ToWire();

    public override async Task<RemoveUserResponse> RemoveUser(RemoveUserRequest request, ServerCallContext context)
    {
        await people.RemoveAsync(request.Email, request.OrganizationId, context.Caller(), context.CancellationToken);
        return new RemoveUserResponse();
    }

    public override async Task<SetOperatorResponse> SetOperator(SetOperatorRequest request, ServerCallContext context)
    {
        await people.SetOperatorAsync(request.Email, request.Operator, context.Caller(), context.CancellationToken);
        return new SetOperatorResponse();
    }

    public override async Task<Contract.Admin.V1.Trust> AddTrust(AddTrustRequest request, ServerCallContext context) =>
        (await trust.AddAsync(request.FromWire(), context.Caller(), context.CancellationToken)).ToWire();

    public override Task<ListTrustResponse> ListTrust(ListTrustRequest request, ServerCallContext context)
    {
        var response = new ListTrustResponse();
        response.Trust.AddRange(trust.List(request.ProjectId, context.Caller()).Select(AdminWire.ToWire));
        return Task.FromResult(response);
    }

    public override async Task<RemoveTrustResponse> RemoveTrust(RemoveTrustRequest request, ServerCallContext context)
    {
        await trust.RemoveAsync(request.TrustId, null, context.Caller(), context.CancellationToken);
        return new RemoveTrustResponse();
    }

    public override Task<ListAuditResponse> ListAudit(ListAuditRequest request, ServerCallContext context)
    {
        var response = new ListAuditResponse();
        response.Records.AddRange(audit.Page(request, context.Caller()).Select(AdminWire.ToWire));
        return Task.FromResult(response);
    }

    public override Task<ListBuildersResponse> ListBuilders(ListBuildersRequest request, ServerCallContext context) =>
        Task.FromResult(manageBuilders.List(context.Caller()));

    public override async Task<CreateJoinTokenResponse> CreateJoinToken(CreateJoinTokenRequest request, ServerCallContext context)
    {
        var (info, secret) = await createToken.ForJoiningAsync(
            new NewToken("", Span(request.ExpiresInSeconds), request.AllowedFrom), context.Caller(), context.CancellationToken);
        return new CreateJoinTokenResponse { Token = secret, ExpiresAt = info.ExpiresAt.ToWire() };
    }

    public override async Task<DrainBuilderResponse> DrainBuilder(DrainBuilderRequest request, ServerCallContext context)
    {
        await manageBuilders.DrainAsync(request.BuilderId, request.Draining, context.Caller(), context.CancellationToken);
        return new DrainBuilderResponse();
    }

    public override async Task<RemoveBuilderResponse> RemoveBuilder(RemoveBuilderRequest request, ServerCallContext context)
    {
        await manageBuilders.RemoveAsync(request.BuilderId, context.Caller(), context.CancellationToken);
        return new RemoveBuilderResponse();
    }

    public override Task<ListBuildsResponse> ListBuilds(ListBuildsRequest request, ServerCallContext context)
    {
        var project = projects.Find(request.ProjectId);
        AccessControl.Authorize(context.Caller(), CallerAction.ReadBuilds, Resource.Of(request.ProjectId, project));
        var (found, next) = listBuilds.Page(BuildFilter.OfProject(request.ProjectId), request.PageSize, request.PageToken);
        var response = new ListBuildsResponse { NextPageToken = next };
        response.Builds.AddRange(found.Select(AdminWire.ToWire));
        return Task.FromResult(response);
    }

    public override Task<ShowBuildResponse> ShowBuild(ShowBuildRequest request, ServerCallContext context)
    {
        var build = Find(request.BuildId, context);
        var response = new ShowBuildResponse { Build = build.ToWire() };
        response.Steps.AddRange(records.ListSteps(build.Id).Select(AdminWire.ToWire));
        return Task.FromResult(response);
    }

    public override async Task ReadBuildLog(
        ReadBuildLogRequest request, IServerStreamWriter<BuildLogLine> responseStream, ServerCallContext context)
    {
        var build = Find(request.BuildId, context);
        foreach (var line in records.EachLine(build.Id))
        {
            await responseStream.WriteAsync(line.ToWire(), context.CancellationToken);
        }

        if (records.LinesDropped(build.Id) is > 0 and var dropped)
        {
            await responseStream.WriteAsync(
                new BuildLogLine { Line = $"[slipway] the log was over its limit: {dropped} lines were not kept" }, context.CancellationToken);
        }
    }

    private Builds.Build Find(string buildId, ServerCallContext context)
    {
        var build = builds.Find(buildId);
        AccessControl.Authorize(context.Caller(), CallerAction.ReadBuilds, Resource.Of(buildId, build));
        return build!;
    }

    private static TimeSpan Span(long seconds) => TimeSpan.FromSeconds(Math.Clamp(seconds, -1, int.MaxValue));

    private static ApiException Ownerless(Caller caller)
    {
        AccessControl.Authorize(caller, CallerAction.ListTokens, Resource.Own);
        return new ApiException(ConnectCode.InvalidArgument, "the token has no owner", "choose --user, --org ID or --project ID");
    }
}
