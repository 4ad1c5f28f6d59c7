using Depot.Cli.ControlPlane;
using Depot.Cli.Docker;
using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Progress;
using Slipway.BuildKit.Wire.Control;
using Slipway.BuildKit.Wire.Gateway;

namespace Depot.Cli.Build;

/// <summary>What one builder does of a target: one session on its connection, one Solve.</summary>
/// <remarks>
/// Every Solve has a session of its own, because BuildKit tells exports apart by their place in one Solve's list, and secrets and agents
/// by names that two targets may give to different things. A session is a stream on the builder's one connection and costs no round trip.
/// Folders may be taken from the session of another Solve (<see cref="SolveLinks.Attributes"/>), and a definition may refer to the
/// session of the Solve that made it: sessions stay open until everything on the builder is done.
/// </remarks>
internal sealed class BuilderSolve(BuildPlan plan, SessionServices services, DockerLoad? load, BuilderLease builder, string projectId)
{
    private readonly SbomIntake? _sboms = plan.Sboms is null ? null : new SbomIntake();
    private readonly TaskCompletionSource<Result> _frontend = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public BuilderLease Builder { get; } = builder;

    public BuildPlan Plan { get; } = plan;

    /// <summary>Names this Solve's session to the others on the builder.</summary>
    public string SessionId { get; } = SolveCall.NewIdentifier();

    /// <summary>The frontend's answer, as soon as it is there, of a Solve that wants it (<see cref="SolveLinks.WantsFrontendResult"/>).</summary>
    public Task<Result> FrontendResult => _frontend.Task;

    /// <summary>Opens the session, which stays open as long as the lease.</summary>
    public Task OpenSessionAsync(CancellationToken cancellation)
    {
        var sharedKey = Plan.Inputs.ContextFolder is { } folder ? Plan.SharedKey(folder, projectId) : "";
        return Builder.OpenSessionAsync(SessionId, sharedKey, services.For(Plan, load, _sboms), Plan.Compression, cancellation);
    }

    /// <summary>Sends Solve and follows its progress. BuildKit waits for a session that is on its way.</summary>
    public async Task<SolveAnswer> RunAsync(SolveLinks links, Action<StatusResponse> show, TimeProvider clock, CancellationToken cancellation)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, Builder.CanceledByServer);
        var disk = new FullDiskWatch(clock);
        try
        {
            var reference = SolveCall.NewIdentifier();
            var request = SolveCall.Request(Plan.SbomsApart ? Plan.WithoutSboms() : Plan, projectId, reference, SessionId, links);
            var run = new SolveRun(Builder.Channel, disk.Before(show), clock);
            var answer = links.WantsFrontendResult
                ? await run.RunFrontendAsync(request, result => _frontend.TrySetResult(result), either.Token)
                : await run.RunAsync(request, either.Token);
            if (_sboms is not null)
            {
                await WriteSbomsAsync(_sboms, links, clock, either.Token);
            }

            while (load is not null && !await load.FinishAsync())
            {
                // The steps have been shown; all of them are cached now.
                request = SolveCall.Request(Plan.ForLoadOnly(), projectId, SolveCall.NewIdentifier(), SessionId, links);
                await new SolveRun(Builder.Channel, show: _ => { }, clock).RunAsync(request, either.Token);
            }

            return answer with { Exported = await DescribeAsync(answer.Exported, reference, show, clock, either.Token) };
        }
        catch (Exception problem) when (!cancellation.IsCancellationRequested && problem is (OperationCanceledException or GrpcStatusException))
        {
            throw await ExplainAsync(problem, disk);
        }
        finally
        {
            // Nobody may wait for what will not come.
            _frontend.TrySetCanceled(CancellationToken.None);
            await (load?.DisposeAsync() ?? ValueTask.CompletedTask);
        }
    }

    /// <summary>What a metadata file says of the build beside what the exporters say: buildx's names for it.</summary>
    private async Task<IReadOnlyDictionary<string, string>> DescribeAsync(
        IReadOnlyDictionary<string, string> exported, string reference, Action<StatusResponse> show, TimeProvider clock, CancellationToken cancellation)
    {
        var all = new Dictionary<string, string>(exported, StringComparer.Ordinal) { [BuildResult.Reference] = $"{projectId}/{Builder.Architecture}/{reference}" };
        if (Plan.Provenance != MetadataProvenance.None)
        {
            var provenance = new BuildProvenance(Builder.Channel, Plan.Provenance);
            foreach (var (key, value) in await new VertexWriter(show, clock).RunAsync("resolving provenance for metadata file", _ => provenance.ReadAsync(reference, cancellation)))
            {
                all[key] = value;
            }
        }

        return all;
    }

    /// <summary>SBOMs that need a Solve of their own have it behind the main one, whose steps are cached then.</summary>
    private async Task WriteSbomsAsync(SbomIntake sboms, SolveLinks links, TimeProvider clock, CancellationToken cancellation)
    {
        if (Plan.SbomsApart)
        {
            var apart = Plan.ForSboms();
            var session = SolveCall.NewIdentifier();
            await Builder.OpenSessionAsync(session, "", services.For(apart, load: null, sboms), Plan.Compression, cancellation);
            var request = SolveCall.Request(apart, projectId, SolveCall.NewIdentifier(), session, links.WithFolders(Plan.Inputs.Folders.Keys, SessionId));
            await new SolveRun(Builder.Channel, show: _ => { }, clock).RunAsync(request, cancellation);
        }

        await new SbomFiles(sboms, Plan.Sboms!).WriteAsync(cancellation);
    }

    private async Task<Exception> ExplainAsync(Exception problem, FullDiskWatch disk)
    {
        if (Builder.CanceledByServer.IsCancellationRequested)
        {
            return BuilderLease.CanceledError();
        }

        if (load?.Failure is CliException refused)
        {
            return new CliException($"failed to build: {refused.Message}", inner: refused) { Remedy = refused.Remedy };
        }

        return problem is GrpcStatusException status
            ? await SolveFailure.ExplainAsync(status, Builder.Endpoint, error => disk.RemedyAsync(error, Builder))
            : problem;
    }
}
