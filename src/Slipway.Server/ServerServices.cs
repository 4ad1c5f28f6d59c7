using Dapper;
using Slipway.Server.Access;
using Slipway.Server.Admin;
using Slipway.Server.Audit;
using Slipway.Server.Builders;
using Slipway.Server.Builds;
using Slipway.Server.Certificates;
using Slipway.Server.Leasing;
using Slipway.Server.Login;
using Slipway.Server.People;
using Slipway.Server.Projects;
using Slipway.Server.Records;
using Slipway.Server.Registry;
using Slipway.Server.Sessions;
using Slipway.Server.Storage;
using Slipway.Server.Tokens;
using Slipway.Server.Trust;

namespace Slipway.Server;

/// <summary>What the control plane is made of.</summary>
internal static class ServerServices
{
    /// <summary>Everything that works on the data; also enough for a tool that opens the folder without serving.</summary>
    public static IServiceCollection AddControlPlane(this IServiceCollection services, Database database, TimeProvider clock, bool serves)
    {
        DefaultTypeMap.MatchNamesWithUnderscores = true;
        return services
            .AddSingleton(clock)
            .AddSingleton(database)
            .AddSingleton<TokenStore>()
            .AddSingleton<TokenUse>()
            .AddSingleton<ProjectStore>()
            .AddSingleton<BuildStore>()
            .AddSingleton<BuilderStore>()
            .AddSingleton<LeaseStore>()
            .AddSingleton<RecordStore>()
            .AddSingleton(new Fleet(clock) { IsServing = serves })
            .AddSingleton<ServerMetrics>()
            .AddSingleton<UserStore>()
            .AddSingleton<SessionStore>()
            .AddSingleton<LoginStore>()
            .AddSingleton<TrustStore>()
            .AddSingleton<AuditStore>()
            .AddSingleton<ReadAudit>()
            .AddSingleton<CreateToken>()
            .AddSingleton<CreatePullToken>()
            .AddSingleton<ManageTokens>()
            .AddSingleton<ManagePeople>()
            .AddSingleton<ManageTrust>()
            .AddSingleton<ManageProjects>()
            .AddSingleton<ManageBuilders>()
            .AddSingleton<ListBuilds>()
            .AddSingleton<AdminEndpoints>();
    }

    /// <summary>What only a serving process has.</summary>
    public static IServiceCollection AddServing(
        this IServiceCollection services, BuildCertificates certificates, ServerOptions options) => services
        .AddSingleton(certificates)
        .AddSingleton(certificates.Builders)
        .AddSingleton<BuilderAuthentication>()
        .AddSingleton<RenewBuilder>()
        .AddSingleton<TokenAuthentication>()
        .AddSingleton(new IssuerAccess(options.InsecureIssuers, options.PrivateIssuers, options.Proxy))
        .AddSingleton<IssuerKeys>()
        .AddSingleton<OidcAuthentication>()
        .AddSingleton<Denials>()
        .AddSingleton<Replays>()
        .AddSingleton<Passwords>()
        .AddSingleton<SignIn>()
        .AddSingleton<DeviceLogin>()
        .AddSingleton<BuildActivity>()
        .AddSingleton<AcquireBuilder>()
        .AddSingleton<GrantScopes>()
        .AddSingleton<RegistryTokenEndpoint>()
        .AddSingleton<SavedImages>()
        .AddSingleton<RegistryApi>()
        .AddSingleton<ListImages>()
        .AddSingleton<DeleteImages>()
        .AddSingleton<StartBuild>()
        .AddSingleton<ConnectBuild>()
        .AddSingleton<EndBuild>()
        .AddSingleton<EnrollBuilder>()
        .AddSingleton<AttachBuilder>()
        .AddSingleton<BuilderMessages>()
        .AddSingleton<ResetProjectCache>()
        .AddSingleton<BuildEndpoints>()
        .AddSingleton<ProjectEndpoints>()
        .AddSingleton<OrganizationEndpoints>()
        .AddSingleton<CoreProjectEndpoints>()
        .AddSingleton<LoginEndpoints>()
        .AddSingleton<RegistryEndpoints>()
        .AddSingleton<PushEndpoints>()
        .AddSingleton<FleetEndpoints>()
        .AddSingleton<Pages.LiveStreams>()
        .AddSingleton<BuildReaper>();
}
