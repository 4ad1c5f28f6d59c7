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
internal sealed class BuilderSolve : IAsyncDisposable
{
    private readonly BuildPlan _plan;
    private readonly SessionServices _services;
    private readonly DockerLoad? _load;
    private readonly TaskCompletionSource<Result> _frontend = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task? _session;

    private BuilderSolve(BuildPlan plan, SessionServices services, DockerLoad? load) => (_plan, _services, _load) = (plan, services, load);

    /// <summary>The architecture of the builder that it is for.</summary>
    public string Architecture => _plan.Architecture;

    /// <summary>Where the folders of this Solve are, for the attributes of others.</summary>
    public string SessionId => field ??= SolveCall.NewIdentifier();

    /// <summary>The frontend's answer, as soon as it is there, of a Solve that wants it (<see cref="SolveLinks.WantsFrontendResult"/>).</summary>
    public Task<Result> FrontendResult => _frontend.Task;

    /// <summary>Opens everything of this machine that the Solve will use: what is missing is said before a server hears of the build.</summary>
    public static async Task<BuilderSolve> OpenAsync(
        CliContext cli, BuildPlan plan, LocalDocker? docker, RegistryLogins logins, VertexWriter steps, CancellationToken cancellation)
    {
        var load = docker is null || !plan.Loads ? null : new DockerLoad(docker, steps, cancellation);
        var services = await SessionServices.OpenAsync(cli, plan, load, logins.Auth, cancellation);
        return new BuilderSolve(plan, services, load);
    }

    /// <summary>Opens the session. Only who refers to it from another Solve needs to call this: <see cref="RunAsync"/> does it, too.</summary>
    public Task OpenSessionAsync(BuilderLease builder, string projectId, CancellationToken cancellation)
    {
        var sharedKey = _plan.Inputs.ContextFolder is { } folder ? _plan.SharedKey(folder, projectId) : "";
        return _session ??= builder.OpenSessionAsync(SessionId, sharedKey, _services.All, cancellation);
    }

    /// <summary>Sends Solve and follows its progress. BuildKit waits for a session that is on its way.</summary>
    public async Task<SolveAnswer> RunAsync(
        BuilderLease builder, string projectId, SolveLinks links, Action<StatusResponse> show, TimeProvider clock, CancellationToken cancellation)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, builder.CanceledByServer);
        var disk = new FullDiskWatch(clock);
        try
        {
            await OpenSessionAsync(builder, projectId, either.Token);
            var request = SolveCall.Request(_plan, projectId, SolveCall.NewIdentifier(), SessionId, links);
            var run = new SolveRun(builder.Channel, disk.Before(show), clock);
            return links.WantsFrontendResult
                ? await run.RunFrontendAsync(request, result => _frontend.TrySetResult(result), either.Token)
                : await run.RunAsync(request, either.Token);
        }
        catch (Exception problem) when (!cancellation.IsCancellationRequested && problem is (OperationCanceledException or GrpcStatusException))
        {
            throw await ExplainAsync(problem, builder, disk);
        }
        finally
        {
            // Nobody may wait for what will not come.
            _frontend.TrySetCanceled(CancellationToken.None);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_load is not null)
        {
            await _load.DisposeAsync();
        }

        await _services.DisposeAsync();
    }

    private async Task<Exception> ExplainAsync(Exception problem, BuilderLease builder, FullDiskWatch disk)
    {
        if (builder.CanceledByServer.IsCancellationRequested)
        {
            return BuilderLease.CanceledError();
        }

        if (_load?.Failure is CliException refused)
        {
            return new CliException($"failed to build: {refused.Message}", inner: refused) { Remedy = refused.Remedy };
        }

        return problem is GrpcStatusException status
            ? await SolveFailure.ExplainAsync(status, builder.Endpoint, error => disk.RemedyAsync(error, builder))
            : problem;
    }
}
