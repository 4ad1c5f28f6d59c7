using Google.Protobuf;
using Slipway.Builder.Proxying;
using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Http2;
using Slipway.BuildKit.Wire.Control;
using Xunit;
using GatewaySolveRequest = Slipway.BuildKit.Wire.Gateway.SolveRequest;

namespace Slipway.Tests.Builder.Proxying;

public sealed class MethodPolicyTests
{
    private const string Control = "/moby.buildkit.v1.Control/";
    private const string Bridge = "/moby.buildkit.v1.frontend.LLBBridge/";
    private const string VictimRef = "victimvictimvictimvictim1";
    private const string VictimSession = "sessionsessionsessionses1";
    private const string VictimDigest = "sha256:1111111111111111111111111111111111111111111111111111111111111111";

    private readonly EngineScope _engine = new(TimeProvider.System);
    private readonly BuildScope _victim;
    private readonly BuildScope _attacker;
    private readonly MethodPolicy _policy = PolicyWith();

    public MethodPolicyTests()
    {
        _victim = _engine.Enter(RelayBed.Admission("victim"));
        _attacker = _engine.Enter(RelayBed.Admission("attacker"));
        Assert.Null(Solve(_victim, new SolveRequest { Ref = VictimRef, Session = VictimSession }).Refusal);
        Assert.IsType<CallVerdict.Pass>(Judge(_victim, Control + "Session", new HeaderField("x-docker-expose-session-uuid", VictimSession)));
        _victim.Own(VictimDigest, BlobKind.Manifest);
    }

    [Fact]
    public void Every_method_of_an_engine_has_its_row()
    {
        var rows = File.ReadAllLines(Path.Combine(AppContext.BaseDirectory, "Builder", "Proxying", "methods.txt"))
            .Where(line => line.StartsWith('/'))
            .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Select(row => $"{row[0]} {row[1]}");
        Assert.Equal(rows.Order(StringComparer.Ordinal), MethodPolicy.Table.Select(row => $"{row.Key} {row.Value}").Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_build_opens_as_many_sessions_as_a_bake_on_one_connection_can_use_and_others_are_not_touched()
    {
        CallVerdict Open(BuildScope build, int i) => Judge(build, Control + "Session", new HeaderField("x-docker-expose-session-uuid", $"session-of-target-number-{i}"));
        for (var i = 0; i < 125; i++)
        {
            Assert.IsType<CallVerdict.Pass>(Open(_attacker, i));
        }

        var refusal = Refused(Control + "Session", new HeaderField("x-docker-expose-session-uuid", "session-of-target-number-125"));
        Assert.Equal((GrpcStatusCode.ResourceExhausted, "this build has too many sessions; start fewer targets at a time"), (refusal!.Code, refusal.Message));
        Assert.IsType<CallVerdict.Pass>(Judge(_victim, Control + "Session", new HeaderField("x-docker-expose-session-uuid", "another-session-of-victim")));

        _attacker.CloseSession("session-of-target-number-0");
        Assert.IsType<CallVerdict.Pass>(Open(_attacker, 126));
    }

    public static TheoryData<string> Attacks => new(Calls.Keys);

    /// <summary>What the holder of another build's certificate tries on the same engine.</summary>
    private static readonly Dictionary<string, Func<MethodPolicyTests, Refusal?>> Calls = new()
    {
        ["list the builds"] = t => t.RefusedMessage(Control + "ListenBuildHistory", new BuildHistoryRequest { EarlyExit = true }),
        ["read the victim's record"] = t => t.RefusedMessage(Control + "ListenBuildHistory", new BuildHistoryRequest { Ref = VictimRef, EarlyExit = true }),
        ["read a record whose build is gone"] = t => t.ClaimedRecord("gonegonegonegonegonegone1"),
        ["read the victim's progress"] = t => t.RefusedMessage(Control + "Status", new StatusRequest { Ref = VictimRef }),
        ["greet the victim's frontend"] = t => t.Refused(Bridge + "Ping", Reference(VictimRef)),
        ["read the victim's context"] = t => t.Refused(Bridge + "Solve", Reference(VictimRef)),
        ["read a file of the victim's"] = t => t.Refused(Bridge + "ReadFile", Reference(VictimRef)),
        ["run a container in the victim's build"] = t => t.Refused(Bridge + "NewContainer", Reference(VictimRef)),
        ["hide the victim's reference behind an own one"] = t => t.Refused(Bridge + "Ping", Reference("own"), Reference(VictimRef)),
        ["solve with the victim's session"] = t => t.RefusedMessage(Control + "Solve", new SolveRequest { Ref = "own", Session = VictimSession }),
        ["solve with the victim's session for one folder"] = t => t.RefusedMessage(
            Control + "Solve", new SolveRequest { Ref = "own", FrontendAttrs = { ["local-sessionid:context"] = VictimSession } }),
        ["solve under the victim's reference"] = t => t.RefusedMessage(Control + "Solve", new SolveRequest { Ref = VictimRef }),
        ["take the victim's session over"] = t => t.Refused(Control + "Session", new HeaderField("x-docker-expose-session-uuid", VictimSession)),
        ["read the victim's image"] = t => t.RefusedMessage(
            "/containerd.services.content.v1.Content/Read", new Slipway.BuildKit.Wire.Content.ReadContentRequest { Digest = VictimDigest }),
        ["list all blobs"] = t => t.Refused("/containerd.services.content.v1.Content/List"),
        ["empty the cache"] = t => t.Refused(Control + "Prune"),
    };

    [Theory]
    [MemberData(nameof(Attacks))]
    public void Another_build_cannot(string attack)
    {
        var refusal = Calls[attack](this);
        Assert.NotNull(refusal);
        Assert.True(refusal.Code is GrpcStatusCode.PermissionDenied or GrpcStatusCode.Unimplemented, $"{refusal}");
        Assert.NotEmpty(refusal.Message);
    }

    [Fact]
    public void A_build_may_do_all_of_that_with_what_is_its_own()
    {
        Assert.Null(MessageRefusal(_victim, Control + "Status", new StatusRequest { Ref = VictimRef }));
        Assert.IsType<CallVerdict.Pass>(Judge(_victim, Bridge + "Ping", Reference(VictimRef)));
        Assert.Null(MessageRefusal(
            _victim, "/containerd.services.content.v1.Content/Read", new Slipway.BuildKit.Wire.Content.ReadContentRequest { Digest = VictimDigest }));
        Assert.Null(Solve(_victim, new SolveRequest { Ref = VictimRef, Session = VictimSession }).Refusal);
    }

    [Fact]
    public void A_build_reads_the_attestations_of_its_own_record()
    {
        const string attestation = "sha256:2222222222222222222222222222222222222222222222222222222222222222";
        var judged = Assert.IsType<CallVerdict.Hold>(Judge(_victim, Control + "ListenBuildHistory")).Judge(new BuildHistoryRequest { Ref = VictimRef }.ToByteArray());
        Assert.Equal(new BuildHistoryRequest { Ref = VictimRef, EarlyExit = true }, BuildHistoryRequest.Parser.ParseFrom(judged.Message.Span));

        var record = new BuildHistoryRecord { Ref = VictimRef, Results = { ["linux/amd64"] = new BuildResultInfo { Attestations = { new BlobDescriptor { Digest = attestation } } } } };
        var message = new BuildHistoryEvent { Record = record }.ToByteArray();
        byte[] framed = [0, 0, 0, 0, (byte)message.Length, .. message];
        Assert.Null(_victim.KindOf(attestation));
        judged.Watch!.Observe(framed.AsSpan(0, 20));
        judged.Watch.Observe(framed.AsSpan(20));
        Assert.Equal((BlobKind.Leaf, null), (_victim.KindOf(attestation), _attacker.KindOf(attestation)));
    }

    [Fact]
    public void Whoever_asks_first_for_a_new_references_progress_owns_it()
    {
        Assert.Null(MessageRefusal(_attacker, Control + "Status", new StatusRequest { Ref = "new" }));
        Assert.IsType<CallVerdict.Pass>(Judge(_attacker, Bridge + "Ping", Reference("newer")));
        Assert.Equal(GrpcStatusCode.PermissionDenied, Solve(_victim, new SolveRequest { Ref = "new" }).Refusal!.Code);
        Assert.Equal(GrpcStatusCode.PermissionDenied, Solve(_victim, new SolveRequest { Ref = "newer" }).Refusal!.Code);
    }

    [Fact]
    public void A_session_id_is_open_once_at_a_time()
    {
        var id = new HeaderField("x-docker-expose-session-uuid", "another-session-of-25-char");
        var open = Assert.IsType<CallVerdict.Pass>(Judge(_victim, Control + "Session", id));
        Assert.Equal(
            GrpcStatusCode.AlreadyExists, Assert.IsType<CallVerdict.Refuse>(Judge(_victim, Control + "Session", id)).Reason.Code);
        open.Watch!.End(GrpcStatusCode.Ok, "");
        Assert.IsType<CallVerdict.Pass>(Judge(_victim, Control + "Session", id));
        Assert.IsType<CallVerdict.Refuse>(Judge(_victim, Control + "Session", id with { Value = "short" }));
        Assert.IsType<CallVerdict.Refuse>(Judge(_victim, Control + "Session"));
    }

    [Fact]
    public void What_a_build_owned_is_free_when_its_admission_ends()
    {
        using var revoked = new CancellationTokenSource();
        var build = _engine.Enter(RelayBed.Admission("short", revoked.Token));
        Assert.Equal(Claim.Own, build.ClaimReference("r"));
        Assert.Equal(Claim.Foreign, _attacker.ClaimReference("r"));
        revoked.Cancel();
        Assert.Equal(Claim.Own, _attacker.ClaimReference("r"));
    }

    public static TheoryData<string> Unfit => new(UnfitSolves.Keys);

    private static readonly Dictionary<string, SolveRequest> UnfitSolves = new()
    {
        ["security.insecure"] = new() { Ref = "own", Entitlements = { "security.insecure" } },
        ["network.host"] = new() { Ref = "own", Entitlements = { "network.host" } },
        ["device=vendor.com/x"] = new() { Ref = "own", Entitlements = { "device=vendor.com/x" } },
        ["--network=host"] = new() { Ref = "own", FrontendAttrs = { ["force-network-mode"] = "host" } },
        ["\"moby\""] = new() { Ref = "own", Exporters = { new Exporter { Type = "moby" } } },
        ["\"gateway\""] = new() { Ref = "own", ExporterDeprecated = "gateway" },
        ["\"webdav\""] = new() { Ref = "own", Cache = new() { Exports = { new CacheOptionsEntry { Type = "webdav" } } } },
        ["secret_access_key"] = new()
        {
            Ref = "own", Cache = new() { Imports = { new CacheOptionsEntry { Type = "s3", Attrs = { ["access_key_id"] = "a" } } } },
        },
        ["type azblob"] = new() { Ref = "own", FrontendAttrs = { ["cache-imports"] = """[{"type":"azblob","Attrs":{"account_url":"x"}}]""" } },
        ["cannot be read"] = new() { Ref = "own", FrontendAttrs = { ["cache-imports"] = "[" } },
        ["needs a reference"] = new(),
        ["names a session"] = new() { Ref = "own", SourcePolicySession = "short" },
    };

    [Theory]
    [MemberData(nameof(Unfit))]
    public void A_solve_is_refused_that_asks_for(string what)
    {
        var refusal = Solve(_attacker, UnfitSolves[what]).Refusal;
        Assert.Contains(what, refusal!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Entitlements_that_the_operator_allows_pass()
    {
        var policy = PolicyWith("network.host", "device");
        var request = new SolveRequest
        {
            Ref = "own", Entitlements = { "network.host", "device=vendor.com/x" }, FrontendAttrs = { ["force-network-mode"] = "host" },
        };
        Assert.Null(Solve(_attacker, request, policy).Refusal);
    }

    [Fact]
    public void A_solve_goes_on_with_its_unknown_fields_and_without_a_control_group_of_its_own()
    {
        byte[] unknown = [0x88, 0x01, 0x01];
        var request = new SolveRequest
        {
            Ref = "own",
            FrontendAttrs = { ["cgroup-parent"] = "/", ["target"] = "t" },
            Exporters = { new Exporter { Type = "image" } },
            Cache = new()
            {
                Imports = { new CacheOptionsEntry { Type = "registry" } },
                Exports = { new CacheOptionsEntry { Type = "s3", Attrs = { ["access_key_id"] = "a", ["secret_access_key"] = "b" } } },
            },
        };
        var judged = Assert.IsType<CallVerdict.Hold>(Judge(_attacker, Control + "Solve")).Judge(request.ToByteArray().Concat(unknown).ToArray());
        Assert.Null(judged.Refusal);
        request.FrontendAttrs.Remove("cgroup-parent");
        Assert.Equal([.. request.ToByteArray(), .. unknown], judged.Message.ToArray());
    }

    [Fact]
    public void The_gateways_solve_is_held_to_the_same()
    {
        Judgement Gateway(GatewaySolveRequest request) =>
            Assert.IsType<CallVerdict.Hold>(Judge(_attacker, Bridge + "Solve", Reference("own"))).Judge(request.ToByteArray());
        var judged = Gateway(new GatewaySolveRequest { Frontend = "dockerfile.v0", FrontendOpt = { ["cgroup-parent"] = "/", ["target"] = "t" } });
        Assert.Equal(["target"], GatewaySolveRequest.Parser.ParseFrom(judged.Message.Span).FrontendOpt.Keys);
        Assert.NotNull(Gateway(new GatewaySolveRequest { FrontendOpt = { ["force-network-mode"] = "host" } }).Refusal);
        Assert.NotNull(Gateway(new GatewaySolveRequest { FrontendOpt = { ["local-sessionid:x"] = VictimSession } }).Refusal);
        Assert.NotNull(Gateway(new GatewaySolveRequest { CacheImports = { new Slipway.BuildKit.Wire.Gateway.CacheOptionsEntry { Type = "azblob" } } }).Refusal);
    }

    [Theory]
    [InlineData("/moby.buildkit.v1.Control/Unheard", "application/grpc", "POST")]
    [InlineData("/moby.buildkit.v1.Control/Info", "application/json", "POST")]
    [InlineData("/moby.buildkit.v1.Control/Info", "application/grpc-web", "POST")]
    [InlineData("/moby.buildkit.v1.Control/Info", "application/grpc", "GET")]
    public void What_is_not_in_the_table_does_not_exist(string path, string type, string method)
    {
        var verdict = _policy.Judge(_attacker, [new(":method", method), new(":path", path), new("content-type", type)]);
        Assert.Equal(GrpcStatusCode.Unimplemented, Assert.IsType<CallVerdict.Refuse>(verdict).Reason.Code);
    }

    [Fact]
    public void A_message_that_cannot_be_read_is_refused()
    {
        var judged = Assert.IsType<CallVerdict.Hold>(Judge(_attacker, Control + "Solve")).Judge(new byte[] { 0xff, 0xff });
        Assert.Equal(GrpcStatusCode.InvalidArgument, judged.Refusal!.Code);
    }

    private static MethodPolicy PolicyWith(params string[] entitlements) => new(new EnginePolicy
    {
        ListWorkers = _ => throw new InvalidOperationException(),
        Entitlements = entitlements.ToHashSet(),
    });

    private static HeaderField Reference(string reference) => new("buildkit-controlapi-buildid", reference);

    private CallVerdict Judge(BuildScope build, string path, params HeaderField[] more) =>
        _policy.Judge(build, FramePeer.Request(path, more));

    private Judgement Solve(BuildScope build, SolveRequest request, MethodPolicy? policy = null) =>
        Assert.IsType<CallVerdict.Hold>((policy ?? _policy).Judge(build, FramePeer.Request(Control + "Solve"))).Judge(request.ToByteArray());

    private Refusal? Refused(string path, params HeaderField[] more) => (Judge(_attacker, path, more) as CallVerdict.Refuse)?.Reason;

    /// <summary>Asking for the progress of a reference that nobody has makes it one's own, which must not open an old build's record.</summary>
    private Refusal? ClaimedRecord(string reference)
    {
        Assert.Null(RefusedMessage(Control + "Status", new StatusRequest { Ref = reference }));
        return RefusedMessage(Control + "ListenBuildHistory", new BuildHistoryRequest { Ref = reference, EarlyExit = true });
    }

    private Refusal? RefusedMessage(string path, IMessage message) => MessageRefusal(_attacker, path, message);

    private Refusal? MessageRefusal(BuildScope build, string path, IMessage message) =>
        Assert.IsType<CallVerdict.Hold>(Judge(build, path)).Judge(message.ToByteArray()).Refusal;
}
