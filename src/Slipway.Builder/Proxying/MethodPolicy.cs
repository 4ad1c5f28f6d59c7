using System.Collections.Frozen;
using Google.Protobuf;
using Slipway.Builder.Access;
using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Http2;
using Slipway.BuildKit.Wire.Control;

namespace Slipway.Builder.Proxying;

/// <summary>What a build may do with each method of an engine.</summary>
internal enum MethodRule
{
    /// <summary>Passes unread.</summary>
    Pass,

    /// <summary>The request is checked and rewritten.</summary>
    Solve,

    /// <summary>Passes for the build's own references.</summary>
    Status,

    /// <summary>Passes for the record of a solve of the build's own.</summary>
    History,

    /// <summary>Passes for a session id of the build's own.</summary>
    Session,

    /// <summary>The builder answers with what it knows of the engine.</summary>
    Workers,

    /// <summary>Passes with one reference of the build's own in its metadata.</summary>
    Gateway,

    /// <summary>The same, and the request is checked and rewritten.</summary>
    GatewaySolve,

    /// <summary>Passes for blobs of the build's own results.</summary>
    Blob,

    /// <summary>The builder answers with an empty message; nothing happens.</summary>
    Empty,

    /// <summary>The builder answers that it serves.</summary>
    Healthy,

    /// <summary>Would reach what belongs to other builds or to the operator.</summary>
    Denied,

    /// <summary>Answered as an engine answers that does not have the method; clients cope.</summary>
    Absent,
}

/// <summary>Says of every call what becomes of it. What is not in the table does not exist.</summary>
internal sealed class MethodPolicy(EnginePolicy engine)
{
    private const string Control = "/moby.buildkit.v1.Control/";
    private const string Bridge = "/moby.buildkit.v1.frontend.LLBBridge/";
    private const string Content = "/containerd.services.content.v1.Content/";
    private const string ReferenceHeader = "buildkit-controlapi-buildid";
    private const string SessionHeader = "x-docker-expose-session-uuid";

    /// <summary>grpc.health.v1.HealthCheckResponse { status = SERVING }.</summary>
    private static readonly byte[] Serving = [0x08, 0x01];

    private readonly SolveRules _rules = new(engine);

    public static FrozenDictionary<string, MethodRule> Table { get; } = new Dictionary<string, MethodRule>
    {
        [Control + "Solve"] = MethodRule.Solve,
        [Control + "Status"] = MethodRule.Status,
        [Control + "Session"] = MethodRule.Session,
        [Control + "ListWorkers"] = MethodRule.Workers,
        [Control + "Info"] = MethodRule.Pass,

        // Records describe the commands of other builds. The published client's own proxy answers the same.
        [Control + "DiskUsage"] = MethodRule.Empty,
        // Would empty the project's cache under other builds; resetting a cache goes through the server.
        [Control + "Prune"] = MethodRule.Denied,
        // Without a reference it shows the references and build arguments of other builds.
        [Control + "ListenBuildHistory"] = MethodRule.History,
        // Would delete or pin evidence; buildx calls it in passing and fails when it fails.
        [Control + "UpdateBuildHistory"] = MethodRule.Empty,

        [Bridge + "Ping"] = MethodRule.Gateway,
        [Bridge + "Solve"] = MethodRule.GatewaySolve,
        [Bridge + "ResolveImageConfig"] = MethodRule.Gateway,
        [Bridge + "ResolveSourceMeta"] = MethodRule.Gateway,
        [Bridge + "ReadFile"] = MethodRule.Gateway,
        [Bridge + "ReadDir"] = MethodRule.Gateway,
        [Bridge + "StatFile"] = MethodRule.Gateway,
        [Bridge + "Evaluate"] = MethodRule.Gateway,
        [Bridge + "Inputs"] = MethodRule.Gateway,
        [Bridge + "Return"] = MethodRule.Gateway,
        [Bridge + "Warn"] = MethodRule.Gateway,

        // Containers started by clients have slipped past entitlements before (CVE-2024-23653).
        [Bridge + "NewContainer"] = MethodRule.Denied,
        [Bridge + "ReleaseContainer"] = MethodRule.Denied,
        [Bridge + "ExecProcess"] = MethodRule.Denied,
        [Bridge + "ReadFileContainer"] = MethodRule.Denied,
        [Bridge + "ReadDirContainer"] = MethodRule.Denied,
        [Bridge + "StatFileContainer"] = MethodRule.Denied,

        [Content + "Info"] = MethodRule.Blob,
        [Content + "Read"] = MethodRule.Blob,
        [Content + "Update"] = MethodRule.Denied,
        [Content + "List"] = MethodRule.Denied,
        [Content + "Delete"] = MethodRule.Denied,
        [Content + "Status"] = MethodRule.Denied,
        [Content + "ListStatuses"] = MethodRule.Denied,
        [Content + "Write"] = MethodRule.Denied,
        [Content + "Abort"] = MethodRule.Denied,

        // BuildKit does not register it, and the published client expects that.
        ["/containerd.services.leases.v1.Leases/Create"] = MethodRule.Absent,
        ["/containerd.services.leases.v1.Leases/Delete"] = MethodRule.Absent,
        ["/containerd.services.leases.v1.Leases/List"] = MethodRule.Absent,
        ["/containerd.services.leases.v1.Leases/AddResource"] = MethodRule.Absent,
        ["/containerd.services.leases.v1.Leases/DeleteResource"] = MethodRule.Absent,
        ["/containerd.services.leases.v1.Leases/ListResources"] = MethodRule.Absent,

        // Builds do not write into the operator's traces.
        ["/opentelemetry.proto.collector.trace.v1.TraceService/Export"] = MethodRule.Empty,

        ["/grpc.health.v1.Health/Check"] = MethodRule.Healthy,
        // The health protocol's own word for "ask with Check".
        ["/grpc.health.v1.Health/Watch"] = MethodRule.Absent,

        ["/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"] = MethodRule.Absent,
        ["/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"] = MethodRule.Absent,
    }.ToFrozenDictionary(StringComparer.Ordinal);

    public CallVerdict Judge(BuildScope build, IReadOnlyList<HeaderField> headers)
    {
        if (One(headers, ":path") is not { } path || One(headers, ":method") != "POST" || !IsGrpc(headers))
        {
            return Refuse(GrpcStatusCode.Unimplemented, "the builder speaks gRPC only");
        }

        return Table.GetValueOrDefault(path, MethodRule.Absent) switch
        {
            MethodRule.Pass => new CallVerdict.Pass(),
            MethodRule.Solve => Hold(headers, message => JudgeSolve(build, message)),
            MethodRule.Status => Hold(headers, message => JudgeStatus(build, message)),
            MethodRule.History => Hold(headers, message => JudgeHistory(build, message)),
            MethodRule.Session => JudgeSession(build, headers),
            MethodRule.Workers => new CallVerdict.Answer(WorkersAsync),
            MethodRule.Gateway => JudgeReference(build, headers) ?? new CallVerdict.Pass(),
            MethodRule.GatewaySolve => JudgeReference(build, headers)
                ?? Hold(headers, message => SolveRules.Parsed(() => _rules.JudgeGateway(build, message))),
            MethodRule.Blob => Hold(headers, message => SolveRules.Parsed(() => ResultBlobs.Judge(build, path, message))),
            MethodRule.Empty => Answer(ReadOnlyMemory<byte>.Empty),
            MethodRule.Healthy => Answer(Serving),
            MethodRule.Denied => Refuse(GrpcStatusCode.PermissionDenied, $"a build may not call {path[1..]} on a shared builder"),
            _ => Refuse(GrpcStatusCode.Unimplemented, $"the builder does not offer {path[1..]}"),
        };
    }

    internal static Judgement? Objection(Claim claim, string what, string id) => claim switch
    {
        Claim.Own => null,
        Claim.TooMany => Judgement.Refuse(GrpcStatusCode.ResourceExhausted, $"this build has too many {what}s; start fewer targets at a time"),
        Claim.InUse => Judgement.Refuse(GrpcStatusCode.AlreadyExists, $"the {what} {id} is open already"),
        _ => Judgement.Refuse(GrpcStatusCode.PermissionDenied, $"the {what} {id} belongs to another build"),
    };

    private Judgement JudgeSolve(BuildScope build, ReadOnlyMemory<byte> message) => SolveRules.Parsed(() =>
    {
        var request = SolveRequest.Parser.ParseFrom(message.Span);
        if (_rules.Object(build, request) is { } objection)
        {
            return objection;
        }

        build.Solved(request.Ref);
        engine.SolveStarted(build.Admission, request.Ref);
        return Judgement.Send(request.ToByteArray(), new SolveWatch(build, engine, request.Ref));
    });

    /// <summary>Clients ask for a build's progress before they start it: a reference that nobody has is theirs from then on.</summary>
    private static Judgement JudgeStatus(BuildScope build, ReadOnlyMemory<byte> message) => SolveRules.Parsed(() =>
    {
        var request = StatusRequest.Parser.ParseFrom(message.Span);
        return IsIdentifier(request.Ref)
            ? Objection(build.ClaimReference(request.Ref), "build", request.Ref) ?? Judgement.Send(request.ToByteArray())
            : Judgement.Refuse(GrpcStatusCode.NotFound, "there is no build with that reference");
    });

    /// <summary>A reference that was only claimed may be that of a build long gone, whose record the engine still has: it must have been solved here.</summary>
    private static Judgement JudgeHistory(BuildScope build, ReadOnlyMemory<byte> message) => SolveRules.Parsed(() =>
    {
        var request = BuildHistoryRequest.Parser.ParseFrom(message.Span);
        if (request.Ref.Length == 0)
        {
            return Judgement.Refuse(GrpcStatusCode.Unimplemented, "the builder does not list builds");
        }

        return build.HasSolved(request.Ref)
            ? Judgement.Send(new BuildHistoryRequest { Ref = request.Ref, EarlyExit = true }.ToByteArray(), new RecordWatch(build))
            : Judgement.Refuse(GrpcStatusCode.PermissionDenied, $"the build {request.Ref} belongs to another build");
    });

    private static CallVerdict JudgeSession(BuildScope build, IReadOnlyList<HeaderField> headers)
    {
        if (One(headers, SessionHeader) is not { Length: >= RelayLimits.SessionIdLengthMin } id || !IsIdentifier(id))
        {
            return Refuse(
                GrpcStatusCode.InvalidArgument, $"a session needs one id of {RelayLimits.SessionIdLengthMin} characters or more ({SessionHeader})");
        }

        var objection = Objection(build.OpenSession(id), "session", id);
        return objection is { Refusal: { } refusal } ? new CallVerdict.Refuse(refusal) : new CallVerdict.Pass(new SessionWatch(build, id));
    }

    /// <summary>The engine takes the metadata entry as the only proof that a gateway call belongs to a build.</summary>
    private static CallVerdict? JudgeReference(BuildScope build, IReadOnlyList<HeaderField> headers)
    {
        if (One(headers, ReferenceHeader) is not { } reference || !IsIdentifier(reference))
        {
            return Refuse(GrpcStatusCode.PermissionDenied, $"a gateway call needs exactly one {ReferenceHeader}");
        }

        return Objection(build.ClaimReference(reference), "build", reference) is { Refusal: { } refusal }
            ? new CallVerdict.Refuse(refusal)
            : null;
    }

    private async ValueTask<ReadOnlyMemory<byte>> WorkersAsync(CancellationToken cancellation) =>
        WorkerListing.ForBuilds(await engine.ListWorkers(cancellation)).ToByteArray();

    private static bool IsIdentifier(string text) => text.Length is > 0 and <= RelayLimits.IdentifierLengthMax;

    private static bool IsGrpc(IReadOnlyList<HeaderField> headers) =>
        One(headers, "content-type") is { } type
        && type.StartsWith("application/grpc", StringComparison.Ordinal)
        && !type.StartsWith("application/grpc-web", StringComparison.Ordinal);

    /// <summary>The value of a header that stands there exactly once. Of several, an engine might take another one than this.</summary>
    private static string? One(IReadOnlyList<HeaderField> headers, string name)
    {
        string? value = null;
        foreach (var field in headers)
        {
            if (field.Name == name)
            {
                if (value is not null)
                {
                    return null;
                }

                value = field.Value;
            }
        }

        return value;
    }

    private static CallVerdict.Hold Hold(IReadOnlyList<HeaderField> headers, Func<ReadOnlyMemory<byte>, Judgement> judge) =>
        new(judge, headers);

    private static CallVerdict.Answer Answer(ReadOnlyMemory<byte> message) => new(_ => ValueTask.FromResult(message));

    private static CallVerdict.Refuse Refuse(GrpcStatusCode code, string message) => new(new Refusal(code, message));
}

/// <summary>What the operator allows on one engine, and what the builder knows of it.</summary>
internal sealed record EnginePolicy
{
    /// <summary>Entitlements that builds may ask for (<c>network.host</c>, <c>security.insecure</c>, <c>device</c>).</summary>
    public IReadOnlySet<string> Entitlements { get; init; } = FrozenSet<string>.Empty;

    /// <summary>The engine's own answer.</summary>
    public required Func<CancellationToken, ValueTask<ListWorkersResponse>> ListWorkers { get; init; }

    /// <summary>Told of a solve before the engine hears of it. Under the relay's lock, as the next one: may not wait.</summary>
    public Action<BuildAdmission, string> SolveStarted { get; init; } = (_, _) => { };

    /// <summary>Told once how a solve ended.</summary>
    public Action<BuildAdmission, string, GrpcStatusCode, string> SolveEnded { get; init; } = (_, _, _, _) => { };
}
