using Google.Protobuf.Reflection;
using Grpc.Core;
using Slipway.Contract.Admin.V1;
using Slipway.Contract.Depot.Build.V1;
using Slipway.Contract.Depot.Cli.V1;
using Slipway.Contract.Depot.Cli.V1Beta1;
using Slipway.Contract.Depot.Core.V1;
using Slipway.Contract.Fleet.V1;
using Slipway.Contract.Tokens;
using Slipway.Server.Connect;
using Slipway.Server.Storage;
using Slipway.Server.Tokens;
using Slipway.Tests.Server.Support;
using Xunit;
using AdminProjects = Slipway.Contract.Admin.V1.ListProjectsRequest;
using PublicBuilds = Slipway.Contract.Depot.Cli.V1.ListBuildsRequest;

namespace Slipway.Tests.Server;

/// <summary>Who may call what, on whose things: every method times every kind of caller times own, other project, other organization.</summary>
public sealed class AccessTests
{
    private const StatusCode Yes = StatusCode.OK;
    private const StatusCode No = StatusCode.PermissionDenied;

    private static readonly string[] Callers =
        ["operator", "owner", "member", "viewer", "org A", "project A1", "CI job A1", "build A1", "builder", "join"];

    /// <summary>
    /// Per caller (in the order of <see cref="Callers"/>): the answer for project A1, for A2 of the same organization, for B1 of another.
    /// y: answered; n: permission denied; f: allowed, and there is nothing of this name.
    /// </summary>
    private static readonly Dictionary<string, string> Table = new()
    {
        ["BuildService/CreateBuild"] = "yyy yyn yyn nnn yyn ynn ynn nnn nnn nnn",
        ["BuildService/GetBuild"] = "yyy yyn yyn yyn yyn ynn ynn ynn nnn nnn",
        ["BuildService/FinishBuild"] = "yyy yyn yyn nnn yyn ynn nnn ynn nnn nnn",
        ["BuildService/GetBuildKitConnection"] = "yyy yyn yyn nnn yyn ynn nnn ynn nnn nnn",
        ["BuildService/ReportBuildHealth"] = "yyy yyn yyn nnn yyn ynn nnn ynn nnn nnn",
        ["BuildService/ReportStatusStream"] = "yyy yyn yyn nnn yyn ynn nnn ynn nnn nnn",
        ["BuildService/ReportTimings"] = "yyy yyy yyy nnn yyy yyy nnn yyy nnn nnn",
        ["BuildService/ReportStatus"] = "yyy yyy yyy nnn yyy yyy nnn yyy nnn nnn",
        ["BuildService/ReportBuildContext"] = "yyy yyy yyy nnn yyy yyy nnn yyy nnn nnn",
        ["BuildService/ListBuilds"] = "yyy yyn yyn yyn yyn ynn ynn nnn nnn nnn",
        ["BuildService/GetPullInfo"] = "yyy yyn yyn yyn yyn ynn ynn nnn nnn nnn",
        ["BuildService/GetPullToken"] = "yyy yyn yyn yyn yyn ynn ynn nnn nnn nnn",
        ["RegistryService/ListImages"] = "yyy yyn yyn yyn yyn ynn ynn nnn nnn nnn",
        ["RegistryService/DeleteImage"] = "yyy yyn yyn nnn yyn ynn nnn nnn nnn nnn",
        ["PushService/StartPush"] = "yyy yyn yyn yyn yyn ynn ynn nnn nnn nnn",
        ["PushService/FinishPush"] = "yyy yyn yyn yyn yyn ynn ynn nnn nnn nnn",
        ["ProjectsService/ListProjects"] = "yyy yyy yyy yyy yyy yyy yyy nnn nnn nnn",
        ["ProjectsService/ResetProjectCache"] = "yyy yyn yyn nnn yyn nnn nnn nnn nnn nnn",
        ["LoginService/StartLogin"] = "yyy yyy yyy yyy yyy yyy yyy yyy yyy yyy",
        ["LoginService/FinishLogin"] = "fff fff fff fff fff fff fff fff fff fff",
        ["OrganizationService/ListOrganizations"] = "yyy yyy yyy yyy yyy nnn nnn nnn nnn nnn",
        ["ProjectService/ListProjects"] = "yyy yyy yyy yyy yyy yyy yyy nnn nnn nnn",
        ["ProjectService/GetProject"] = "yyy yyn yyn yyn yyn ynn ynn nnn nnn nnn",
        ["ProjectService/CreateProject"] = "yyy yyn nnn nnn yyn nnn nnn nnn nnn nnn",
        ["ProjectService/UpdateProject"] = "yyy yyn nnn nnn yyn nnn nnn nnn nnn nnn",
        ["ProjectService/DeleteProject"] = "yyy yyn nnn nnn yyn nnn nnn nnn nnn nnn",
        ["ProjectService/ListTrustPolicies"] = "yyy yyn yyn yyn yyn nnn nnn nnn nnn nnn",
        ["ProjectService/AddTrustPolicy"] = "yyy yyn nnn nnn yyn nnn nnn nnn nnn nnn",
        ["ProjectService/RemoveTrustPolicy"] = "yyy yyn nnn nnn yyn nnn nnn nnn nnn nnn",
        ["FleetService/Enroll"] = "nnn nnn nnn nnn nnn nnn nnn nnn nnn yyy",
        ["FleetService/Attach"] = "nnn nnn nnn nnn nnn nnn nnn nnn yyy nnn",
        ["FleetService/Renew"] = "nnn nnn nnn nnn nnn nnn nnn nnn yyy nnn",
        ["FleetService/Report"] = "nnn nnn nnn nnn nnn nnn nnn nnn yyy nnn",
        ["AdminService/CreateOrganization"] = "yyy nnn nnn nnn nnn nnn nnn nnn nnn nnn",
        ["AdminService/ListOrganizations"] = "yyy yyy yyy yyy yyy nnn nnn nnn nnn nnn",
        ["AdminService/CreateProject"] = "yyy yyn nnn nnn yyn nnn nnn nnn nnn nnn",
        ["AdminService/ListProjects"] = "yyy yyy yyy yyy yyy yyy yyy nnn nnn nnn",
        ["AdminService/UpdateProject"] = "yyy yyn nnn nnn yyn nnn nnn nnn nnn nnn",
        ["AdminService/DeleteProject"] = "yyy yyn nnn nnn yyn nnn nnn nnn nnn nnn",
        ["AdminService/CreateToken"] = "yyy yyn nnn nnn yyn nnn nnn nnn nnn nnn",
        ["AdminService/ListTokens"] = "yyy yyy yyy yyy yyy nnn nnn nnn nnn nnn",
        ["AdminService/RevokeToken"] = "yyy yyn nnn nnn yyn nnn nnn nnn nnn nnn",
        ["AdminService/RotateToken"] = "yyy yyn nnn nnn yyn nnn nnn nnn nnn nnn",
        ["AdminService/GetRegistry"] = "yyy nnn nnn nnn nnn nnn nnn nnn nnn nnn",
        ["AdminService/InviteUser"] = "yyy yyn nnn nnn yyn nnn nnn nnn nnn nnn",
        ["AdminService/ListUsers"] = "yyy yyn yyn yyn yyn nnn nnn nnn nnn nnn",
        ["AdminService/SetUserRole"] = "yyy yyn nnn nnn yyn nnn nnn nnn nnn nnn",
        ["AdminService/RemoveUser"] = "yyy yyn nnn nnn yyn nnn nnn nnn nnn nnn",
        ["AdminService/SetOperator"] = "yyy nnn nnn nnn nnn nnn nnn nnn nnn nnn",
        ["AdminService/AddTrust"] = "yyy yyn nnn nnn yyn nnn nnn nnn nnn nnn",
        ["AdminService/ListTrust"] = "yyy yyn yyn yyn yyn nnn nnn nnn nnn nnn",
        ["AdminService/RemoveTrust"] = "yyy yyn nnn nnn yyn nnn nnn nnn nnn nnn",
        ["AdminService/ListAudit"] = "yyy yyn nnn nnn yyn nnn nnn nnn nnn nnn",
        ["AdminService/ListBuilders"] = "yyy nnn nnn nnn nnn nnn nnn nnn nnn nnn",
        ["AdminService/CreateJoinToken"] = "yyy nnn nnn nnn nnn nnn nnn nnn nnn nnn",
        ["AdminService/DrainBuilder"] = "yyy nnn nnn nnn nnn nnn nnn nnn nnn nnn",
        ["AdminService/RemoveBuilder"] = "yyy nnn nnn nnn nnn nnn nnn nnn nnn nnn",
        ["AdminService/ListBuilds"] = "yyy yyn yyn yyn yyn ynn ynn nnn nnn nnn",
        ["AdminService/ShowBuild"] = "yyy yyn yyn yyn yyn ynn ynn nnn nnn nnn",
        ["AdminService/ReadBuildLog"] = "yyy yyn yyn yyn yyn ynn ynn nnn nnn nnn",
    };

    /// <summary>What is there for people who have no token yet.</summary>
    private static readonly string[] Public = ["LoginService/StartLogin", "LoginService/FinishLogin"];

    [Fact]
    public void Every_method_has_its_row() => Assert.Equal(
        RpcMethods.Services.SelectMany(service => service.Methods).Select(Key).Order(StringComparer.Ordinal),
        Table.Keys.Order(StringComparer.Ordinal));

    [Fact]
    public async Task Every_mapped_endpoint_is_known_to_the_edge()
    {
        await using var server = await TestServer.StartAsync();
        var mapped = server.Service<Microsoft.AspNetCore.Routing.EndpointDataSource>().Endpoints
            .Select(endpoint => endpoint.Metadata.OfType<Grpc.AspNetCore.Server.GrpcMethodMetadata>().FirstOrDefault()?.Method.FullName)
            .OfType<string>()
            .ToHashSet();
        Assert.NotEmpty(mapped);
        Assert.Equal(RpcMethods.Services.SelectMany(service => service.Methods).Count(), mapped.Count);
        Assert.All(mapped, path => Assert.NotNull(RpcMethods.Find(path)));
    }

    [Fact]
    public async Task Every_caller_gets_what_the_table_says()
    {
        await using var site = await Tenants.CreateAsync();
        var wrong = new List<string>();
        foreach (var (method, row) in Table)
        {
            for (var caller = 0; caller < Callers.Length; caller++)
            {
                // A fresh set for every caller: one must not pave or block the way of the next.
                var token = await site.TokenAsync(caller);
                for (var target = 0; target < 3; target++)
                {
                    var expected = row.Split(' ')[caller][target] switch
                    {
                        'y' => Yes, 'f' => StatusCode.NotFound, _ => No,
                    };
                    var answered = await site.CallAsync(method, token, target);
                    if (answered.StatusCode != expected)
                    {
                        wrong.Add($"{method} as {Callers[caller]} on {"A1 A2 B1".Split(' ')[target]}: {answered} instead of {expected}");
                    }
                }
            }

            var stranger = await site.CallAsync(method, null, 0);
            if (stranger.StatusCode == StatusCode.Unauthenticated == Public.Contains(method))
            {
                wrong.Add($"{method} without a token: {stranger}");
            }
        }

        Assert.True(wrong.Count == 0, string.Join(Environment.NewLine, wrong));
    }

    /// <summary>A pull token is for the registry alone; a device token is for FinishLogin alone, and not as a bearer.</summary>
    [Theory]
    [InlineData(TokenKind.Pull)]
    [InlineData(TokenKind.DevicePoll)]
    public async Task A_token_that_is_no_callers_opens_nothing(TokenKind kind)
    {
        await using var site = await Tenants.CreateAsync();
        await site.TokenAsync(0);
        var token = await site.StoreAsync(kind);
        var answers = new List<string>();
        foreach (var method in Table.Keys.Except(Public))
        {
            if ((await site.CallAsync(method, token, 0)).StatusCode is not StatusCode.Unauthenticated and var other)
            {
                answers.Add($"{method}: {other}");
            }
        }

        Assert.True(answers.Count == 0, string.Join(Environment.NewLine, answers));
    }

    [Fact]
    public async Task What_belongs_to_others_looks_absent_to_everybody()
    {
        await using var site = await Tenants.CreateAsync();
        var compared = 0;
        foreach (var (method, row) in Table)
        {
            for (var caller = 0; caller < Callers.Length; caller++)
            {
                if (row.Split(' ')[caller][2] != 'n' || site.NamesNothing(method))
                {
                    continue;
                }

                var token = await site.TokenAsync(caller);
                var foreign = await site.CallAsync(method, token, 2);
                var absent = await site.CallAsync(method, token, 3);
                Assert.Equal(No, absent.StatusCode);
                Assert.Equal(site.Blank(absent.Detail), site.Blank(foreign.Detail));
                compared++;
            }
        }

        Assert.True(compared > 200, $"{compared} pairs");
    }

    /// <summary>
    /// What a call that changes somebody's rights, or what others may find, leaves in the audit log. Every other method is named among those that change nothing
    /// of the kind, so that a new one has to be put somewhere.
    /// </summary>
    private static readonly Dictionary<string, string> Recorded = new()
    {
        ["BuildService/GetPullInfo"] = "token.create",
        ["BuildService/GetPullToken"] = "token.create",
        ["RegistryService/DeleteImage"] = "image.delete",
        ["PushService/StartPush"] = "push.start",
        ["PushService/FinishPush"] = "push.finish",
        ["ProjectsService/ResetProjectCache"] = "cache.reset",
        ["ProjectService/CreateProject"] = "project.create",
        ["ProjectService/UpdateProject"] = "project.update",
        ["ProjectService/DeleteProject"] = "project.delete",
        ["ProjectService/AddTrustPolicy"] = "trust.add",
        ["ProjectService/RemoveTrustPolicy"] = "trust.remove",
        ["FleetService/Enroll"] = "builder.enroll",
        ["AdminService/CreateOrganization"] = "organization.create",
        ["AdminService/CreateProject"] = "project.create",
        ["AdminService/UpdateProject"] = "project.update",
        ["AdminService/DeleteProject"] = "project.delete",
        ["AdminService/CreateToken"] = "token.create",
        ["AdminService/RevokeToken"] = "token.revoke",
        ["AdminService/RotateToken"] = "token.rotate",
        ["AdminService/InviteUser"] = "user.invite",
        ["AdminService/SetUserRole"] = "user.role",
        ["AdminService/RemoveUser"] = "user.remove",
        ["AdminService/SetOperator"] = "user.operator",
        ["AdminService/AddTrust"] = "trust.add",
        ["AdminService/RemoveTrust"] = "trust.remove",
        ["AdminService/CreateJoinToken"] = "token.create",
        ["AdminService/DrainBuilder"] = "builder.drain",
        ["AdminService/RemoveBuilder"] = "builder.remove",
    };

    private static readonly string[] Unrecorded =
    [
        "BuildService/CreateBuild", "BuildService/GetBuild", "BuildService/FinishBuild", "BuildService/GetBuildKitConnection", "BuildService/ReportBuildHealth",
        "BuildService/ReportStatusStream", "BuildService/ReportTimings", "BuildService/ReportStatus", "BuildService/ReportBuildContext", "BuildService/ListBuilds",
        "RegistryService/ListImages", "AdminService/GetRegistry", "ProjectsService/ListProjects", "LoginService/StartLogin", "LoginService/FinishLogin",
        "OrganizationService/ListOrganizations", "ProjectService/ListProjects", "ProjectService/GetProject", "ProjectService/ListTrustPolicies",
        "FleetService/Attach", "FleetService/Renew", "FleetService/Report", "AdminService/ListOrganizations", "AdminService/ListProjects", "AdminService/ListTokens",
        "AdminService/ListUsers", "AdminService/ListTrust", "AdminService/ListAudit", "AdminService/ListBuilders", "AdminService/ListBuilds", "AdminService/ShowBuild",
        "AdminService/ReadBuildLog",
    ];

    [Fact]
    public async Task Every_change_of_rights_and_every_refusal_is_in_the_audit_log()
    {
        Assert.Equal(Table.Keys.Order(StringComparer.Ordinal), Recorded.Keys.Concat(Unrecorded).Order(StringComparer.Ordinal));
        await using var site = await Tenants.CreateAsync();
        var wrong = new List<string>();
        foreach (var (method, row) in Table)
        {
            var allowed = Array.FindIndex(row.Split(' '), answers => answers[0] == 'y');
            if (allowed >= 0)
            {
                var token = await site.TokenAsync(allowed);
                var made = await site.RecordsOfAsync(method, token, 0);
                if (Recorded.TryGetValue(method, out var action) && !made.Any(record => record.Action == action && record.Outcome == "ok"))
                {
                    wrong.Add($"{method} as {Callers[allowed]} leaves no {action}: {string.Join(", ", made.Select(record => record.Action))}");
                }
            }

            // One is enough: what records a refusal does not look at who was refused.
            var denied = Array.FindIndex(row.Split(' '), answers => answers[2] == 'n');
            if (denied >= 0)
            {
                var token = await site.TokenAsync(denied);
                var made = await site.RecordsOfAsync(method, token, 2);
                if (!made.Any(record => record.Outcome == "denied" && record.Action.EndsWith(method, StringComparison.Ordinal)))
                {
                    wrong.Add($"{method} refused to {Callers[denied]} is not recorded");
                }
            }
        }

        Assert.True(wrong.Count == 0, string.Join(Environment.NewLine, wrong));
    }

    private static string Key(MethodDescriptor method) => $"{method.Service.Name}/{method.Name}";

    /// <summary>Organization A with projects A1 and A2, organization B with B1; a caller of each kind that belongs to A1.</summary>
    private sealed class Tenants(TestServer server, FakeIssuer issuer, FakeRegistry registry) : IAsyncDisposable
    {
        private readonly List<string> _ids = [];
        private string _organizationA = "";

        private static readonly string[] Names = ["A1", "A2", "B1"];

        public static async Task<Tenants> CreateAsync()
        {
            var issuer = await FakeIssuer.StartAsync();
            var registry = await FakeRegistry.StartAsync();
            var server = await TestServer.StartAsync(change: options => options with { InsecureIssuers = [issuer.Url], RegistryUrl = registry.Url });
            var site = new Tenants(server, issuer, registry);
            site._organizationA = site.Server.First.OrganizationId;
            return site;
        }

        public TestServer Server { get; } = server;

        private string[] _projects = [];
        private string[] _organizations = [];
        private string _buildToken = "";
        private string _build = "";

        public async Task<string?> TokenAsync(int caller)
        {
            var admin = Server.Admin();
            var other = await admin.CreateOrganizationAsync(new() { Name = "B" });
            _organizations = [_organizationA, _organizationA, other.Id];
            _projects = new string[3];
            for (var i = 0; i < 3; i++)
            {
                _projects[i] = (await admin.CreateProjectAsync(new() { OrganizationId = _organizations[i], Name = Names[i] })).Id;
            }

            var made = await Server.Builds().CreateBuildAsync(Saved(_projects[0]));
            (_build, _buildToken) = (made.BuildId, made.BuildToken);
            return caller switch
            {
                0 => Server.Owner,
                1 => (await Server.CreateUserAsync(_organizationA, "owner")).Token,
                2 => (await Server.CreateUserAsync(_organizationA, "member")).Token,
                3 => (await Server.CreateUserAsync(_organizationA, "viewer")).Token,
                4 => (await admin.CreateTokenAsync(new() { OrganizationId = _organizationA })).Token,
                5 => (await admin.CreateTokenAsync(new() { ProjectId = _projects[0] })).Token,
                6 => await JobAsync(_projects[0]),
                7 => _buildToken,
                8 => (await FakeBuilder.EnrollAsync(Server)).Token,
                _ => (await admin.CreateJoinTokenAsync(new() { ExpiresInSeconds = 60 })).Token,
            };
        }

        /// <summary>Whether the method's request names nothing that could be somebody's.</summary>
        public bool NamesNothing(string method) => method.Split('/')[1] is "Enroll" or "Attach" or "Report" or "CreateOrganization" or "ListBuilders" or "GetRegistry"
            or "CreateJoinToken" or "DrainBuilder" or "RemoveBuilder" or "SetOperator" or "ListProjects" or "ListOrganizations" or "ListTokens"
            or "ReportTimings" or "ReportStatus" or "ReportBuildContext";

        private async Task<string> JobAsync(string project)
        {
            var pipeline = $"pipeline-{project}";
            await Server.Admin().AddTrustAsync(Trust(project, pipeline));
            var claims = issuer.Buildkite(Server.Url.ToString().TrimEnd('/'), DateTimeOffset.UtcNow);
            claims["pipeline_slug"] = pipeline;
            return issuer.Sign(claims);
        }

        private AddTrustRequest Trust(string project, string pipeline) => new()
        {
            ProjectId = project,
            Provider = "buildkite",
            Issuer = issuer.Url,
            Conditions =
            {
                new ClaimCondition { Claim = "organization_slug", Operator = "equals", Values = { "acme" } },
                new ClaimCondition { Claim = "pipeline_slug", Operator = "equals", Values = { pipeline } },
            },
        };

        public async Task<Status> CallAsync(string method, string? token, int target)
        {
            if (_projects.Length == 0)
            {
                await TokenAsync(0);
            }

            var project = target < 3 ? _projects[target] : "pnobody";
            var build = target switch
            {
                0 => _build,
                3 => "bnobody",
                _ => (await Server.Builds().CreateBuildAsync(Saved(project))).BuildId,
            };
            _ids.AddRange([project, build, target < 3 ? _organizations[target] : "onobody"]);
            try
            {
                await InvokeAsync(method, Server.Invoker(token), project, build, target < 3 ? _organizations[target] : "onobody", target);
                return Status.DefaultSuccess;
            }
            catch (RpcException failure)
            {
                return failure.Status;
            }
        }

        private static CreateBuildRequest Saved(string project) => new() { ProjectId = project, Options = { new BuildOptions { Save = true } } };

        /// <summary>A token of a kind that nobody is given, for project A1.</summary>
        public async Task<string> StoreAsync(TokenKind kind)
        {
            var secret = TokenText.Create(kind);
            var record = new TokenRecord { Id = Ids.Token(), Kind = kind.Name(), Name = "", ProjectId = _projects[0], CreatedAt = Server.Options.Clock.GetUtcNow().ToUnixTimeMilliseconds() };
            await Server.Service<TokenStore>().AddAsync(
                record, TokenText.Hash(secret), Slipway.Server.Audit.AuditEntry.By(Slipway.Server.Access.Caller.AtTheDataFolder, "token.create", record.Id, record.CreatedAt), default);
            return secret;
        }

        /// <summary>What a call leaves in the audit log.</summary>
        public async Task<IReadOnlyList<AuditRecord>> RecordsOfAsync(string method, string? token, int target)
        {
            await Server.Service<Slipway.Server.Audit.Denials>().FlushAsync(default);
            var before = (await Server.Admin().ListAuditAsync(new() { PageSize = 1 })).Records is [var last, ..] ? last.Sequence : 0;
            await CallAsync(method, token, target);
            await Server.Service<Slipway.Server.Audit.Denials>().FlushAsync(default);
            return [.. (await Server.Admin().ListAuditAsync(new() { PageSize = 50 })).Records.Where(record => record.Sequence > before)];
        }

        /// <summary>The text without the ids that the caller itself named.</summary>
        public string Blank(string text) => _ids.Aggregate(text, (rest, id) => rest.Replace($"\"{id}\"", "\"…\"", StringComparison.Ordinal));

        public async ValueTask DisposeAsync()
        {
            await Server.DisposeAsync();
            await registry.DisposeAsync();
            await issuer.DisposeAsync();
        }

        private string _name = "-";

        private async Task InvokeAsync(string method, CallInvoker invoker, string project, string build, string organization, int target)
        {
            var builds = new BuildService.BuildServiceClient(invoker);
            var projects = new ProjectsService.ProjectsServiceClient(invoker);
            switch (method)
            {
                case "BuildService/CreateBuild":
                    await builds.CreateBuildAsync(new() { ProjectId = project });
                    break;
                case "BuildService/GetBuild":
                    await builds.GetBuildAsync(new() { BuildId = build });
                    break;
                case "BuildService/FinishBuild":
                    await builds.FinishBuildAsync(new() { BuildId = build, Success = new() });
                    break;
                case "BuildService/GetBuildKitConnection":
                    await AskAsync(builds, build);
                    break;
                case "BuildService/ReportBuildHealth":
                    await builds.ReportBuildHealthAsync(new() { BuildId = build });
                    break;
                case "BuildService/ReportStatusStream":
                    using (var stream = builds.ReportStatusStream())
                    {
                        await stream.RequestStream.WriteAsync(new() { BuildId = build });
                        await stream.RequestStream.CompleteAsync();
                        await stream;
                    }

                    break;
                case "BuildService/ReportTimings":
                    await builds.ReportTimingsAsync(new());
                    break;
                case "BuildService/ReportStatus":
                    await builds.ReportStatusAsync(new());
                    break;
                case "BuildService/ReportBuildContext":
                    await builds.ReportBuildContextAsync(new());
                    break;
                case "BuildService/ListBuilds":
                    await builds.ListBuildsAsync(new PublicBuilds { ProjectId = project });
                    break;
                case "BuildService/GetPullInfo":
                    await builds.GetPullInfoAsync(new() { BuildId = build });
                    break;
                case "BuildService/GetPullToken":
                    await builds.GetPullTokenAsync(new() { ProjectId = project });
                    break;
                case "RegistryService/ListImages":
                    await new RegistryService.RegistryServiceClient(invoker).ListImagesAsync(new() { ProjectId = project });
                    break;
                case "RegistryService/DeleteImage":
                    registry.Save(project, "1");
                    await new RegistryService.RegistryServiceClient(invoker).DeleteImageAsync(new() { ProjectId = project, ImageTags = { "1" } });
                    break;
                case "PushService/StartPush":
                    await new PushService.PushServiceClient(invoker).StartPushAsync(new() { BuildId = build, Tag = "elsewhere/app:1" });
                    break;
                case "PushService/FinishPush":
                    await new PushService.PushServiceClient(invoker).FinishPushAsync(new() { BuildId = build, PushId = "g1" });
                    break;
                case "ProjectsService/ListProjects":
                    await projects.ListProjectsAsync(new());
                    break;
                case "ProjectsService/ResetProjectCache":
                    await projects.ResetProjectCacheAsync(new() { ProjectId = project });
                    break;
                case var core when core.StartsWith("ProjectService/", StringComparison.Ordinal):
                    await InvokeAsync(method, new ProjectService.ProjectServiceClient(invoker), project, organization);
                    break;
                case "OrganizationService/ListOrganizations":
                    await new OrganizationService.OrganizationServiceClient(invoker).ListOrganizationsAsync(new());
                    break;
                case "LoginService/StartLogin":
                    await new LoginService.LoginServiceClient(invoker).StartLoginAsync(new());
                    await Server.Service<Slipway.Server.Sessions.SessionStore>().PurgeAsync(long.MaxValue, default);
                    break;
                case "LoginService/FinishLogin":
                    using (var finish = new LoginService.LoginServiceClient(invoker).FinishLogin(new()))
                    {
                        await finish.ResponseStream.MoveNext(default);
                    }

                    break;
                default:
                    await InvokeAsync(method, new FleetService.FleetServiceClient(invoker));
                    await InvokeAsync(method, new AdminService.AdminServiceClient(invoker), project, build, organization, target);
                    break;
            }
        }

        // Something of the project that can be removed; of no project a name that nothing has.
        private async Task<string> TrustedAsync(string project)
        {
            _name = project == "pnobody" ? "rnobody" : (await Server.Admin().AddTrustAsync(Trust(project, Guid.NewGuid().ToString()))).Id;
            _ids.Add(_name);
            return _name;
        }

        private async Task<string> InvitedAsync(string organization)
        {
            _name = $"{Guid.NewGuid():n}@example.com";
            if (organization != "onobody")
            {
                await Server.Admin().InviteUserAsync(new() { Email = _name, OrganizationId = organization });
            }

            return _name;
        }

        private async Task InvokeAsync(
            string method, ProjectService.ProjectServiceClient projects, string project, string organization)
        {
            switch (method)
            {
                case "ProjectService/ListProjects":
                    await projects.ListProjectsAsync(new());
                    break;
                case "ProjectService/GetProject":
                    await projects.GetProjectAsync(new() { ProjectId = project });
                    break;
                case "ProjectService/CreateProject":
                    await projects.CreateProjectAsync(new() { OrganizationId = organization, Name = "x" });
                    break;
                case "ProjectService/UpdateProject":
                    await projects.UpdateProjectAsync(new() { ProjectId = project, Name = "x" });
                    break;
                case "ProjectService/DeleteProject":
                    await projects.DeleteProjectAsync(new() { ProjectId = project });
                    break;
                case "ProjectService/ListTrustPolicies":
                    await projects.ListTrustPoliciesAsync(new() { ProjectId = project });
                    break;
                case "ProjectService/AddTrustPolicy":
                    await projects.AddTrustPolicyAsync(new() { ProjectId = project, Buildkite = new() { OrganizationSlug = "a", PipelineSlug = "b" } });
                    break;
                case "ProjectService/RemoveTrustPolicy":
                    await projects.RemoveTrustPolicyAsync(new() { ProjectId = project, TrustPolicyId = await TrustedAsync(project) });
                    break;
            }
        }

        // Of a build that is over: who may ask hears that, at once; who may not hears nothing of it.
        private async Task AskAsync(BuildService.BuildServiceClient builds, string build)
        {
            await Server.Builds().FinishBuildAsync(new() { BuildId = build, Success = new() });
            try
            {
                await builds.GetBuildKitConnectionAsync(new() { BuildId = build, Platform = BuilderPlatform.Amd64 });
            }
            catch (RpcException over) when (over.StatusCode == StatusCode.FailedPrecondition)
            {
            }
        }

        private static async Task InvokeAsync(string method, FleetService.FleetServiceClient fleet)
        {
            switch (method)
            {
                case "FleetService/Enroll":
                    await fleet.EnrollAsync(new() { Name = "x", Csr = FakeBuilder.NewCsr() });
                    break;
                case "FleetService/Renew":
                    await fleet.RenewAsync(new() { Csr = FakeBuilder.NewCsr() });
                    break;
                case "FleetService/Attach":
                    using (var attach = fleet.Attach())
                    {
                        try
                        {
                            await attach.RequestStream.WriteAsync(new() { Heartbeat = new() });
                        }
                        catch (RpcException)
                        {
                            // Refused before it was written; the answer says why.
                        }

                        var refused = await Assert.ThrowsAsync<RpcException>(() => attach.ResponseStream.MoveNext(default));
                        if (refused.StatusCode != StatusCode.InvalidArgument)
                        {
                            throw refused;
                        }
                    }

                    break;
                case "FleetService/Report":
                    using (var report = fleet.Report())
                    {
                        await report.RequestStream.CompleteAsync();
                        Assert.False(await report.ResponseStream.MoveNext(default));
                    }

                    break;
            }
        }

        private async Task InvokeAsync(
            string method, AdminService.AdminServiceClient admin, string project, string build, string organization, int target)
        {
            switch (method)
            {
                case "AdminService/CreateOrganization":
                    await admin.CreateOrganizationAsync(new() { Name = "x" });
                    break;
                case "AdminService/ListOrganizations":
                    await admin.ListOrganizationsAsync(new());
                    break;
                case "AdminService/CreateProject":
                    await admin.CreateProjectAsync(new() { OrganizationId = organization, Name = "x" });
                    break;
                case "AdminService/ListProjects":
                    await admin.ListProjectsAsync(new AdminProjects());
                    break;
                case "AdminService/UpdateProject":
                    await admin.UpdateProjectAsync(new() { ProjectId = project, Name = "x" });
                    break;
                case "AdminService/DeleteProject":
                    await admin.DeleteProjectAsync(new() { ProjectId = project });
                    break;
                case "AdminService/CreateToken":
                    await admin.CreateTokenAsync(new() { ProjectId = project });
                    break;
                case "AdminService/ListTokens":
                    await admin.ListTokensAsync(new());
                    break;
                case "AdminService/RevokeToken" or "AdminService/RotateToken":
                    _name = target < 3 ? (await Server.Admin().CreateTokenAsync(new() { ProjectId = project })).Info.Id : "tnobody";
                    _ids.Add(_name);
                    await (method == "AdminService/RevokeToken"
                        ? (Task)admin.RevokeTokenAsync(new() { TokenId = _name }).ResponseAsync
                        : admin.RotateTokenAsync(new() { TokenId = _name }).ResponseAsync);
                    break;
                case "AdminService/GetRegistry":
                    await admin.GetRegistryAsync(new());
                    break;
                case "AdminService/InviteUser":
                    await admin.InviteUserAsync(new() { Email = "x@example.com", OrganizationId = organization });
                    break;
                case "AdminService/ListUsers":
                    await admin.ListUsersAsync(new() { OrganizationId = organization });
                    break;
                case "AdminService/SetUserRole":
                    await admin.SetUserRoleAsync(new() { Email = await InvitedAsync(organization), OrganizationId = organization, Role = "viewer" });
                    break;
                case "AdminService/RemoveUser":
                    await admin.RemoveUserAsync(new() { Email = await InvitedAsync(organization), OrganizationId = organization });
                    break;
                case "AdminService/SetOperator":
                    await admin.SetOperatorAsync(new() { Email = (await Server.CreateUserAsync(_organizationA, "viewer")).Email, Operator = true });
                    break;
                case "AdminService/AddTrust":
                    await admin.AddTrustAsync(Trust(project, Guid.NewGuid().ToString()));
                    break;
                case "AdminService/ListTrust":
                    await admin.ListTrustAsync(new() { ProjectId = project });
                    break;
                case "AdminService/RemoveTrust":
                    await admin.RemoveTrustAsync(new() { TrustId = await TrustedAsync(project) });
                    break;
                case "AdminService/ListAudit":
                    await admin.ListAuditAsync(new() { OrganizationId = organization });
                    break;
                case "AdminService/ListBuilders":
                    await admin.ListBuildersAsync(new());
                    break;
                case "AdminService/CreateJoinToken":
                    await admin.CreateJoinTokenAsync(new());
                    break;
                case "AdminService/DrainBuilder":
                    await admin.DrainBuilderAsync(new() { BuilderId = (await FakeBuilder.EnrollAsync(Server)).Id, Draining = true });
                    break;
                case "AdminService/RemoveBuilder":
                    await admin.RemoveBuilderAsync(new() { BuilderId = (await FakeBuilder.EnrollAsync(Server)).Id });
                    break;
                case "AdminService/ListBuilds":
                    await admin.ListBuildsAsync(new() { ProjectId = project });
                    break;
                case "AdminService/ShowBuild":
                    await admin.ShowBuildAsync(new() { BuildId = build });
                    break;
                case "AdminService/ReadBuildLog":
                    using (var log = admin.ReadBuildLog(new() { BuildId = build }))
                    {
                        while (await log.ResponseStream.MoveNext(default))
                        {
                        }
                    }

                    break;
            }
        }
    }
}
