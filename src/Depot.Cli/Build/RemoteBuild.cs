using Depot.Cli.ControlPlane;
using Depot.Cli.Docker;
using Depot.Cli.Rendering;
using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Progress;

namespace Depot.Cli.Build;

/// <summary>One build on a remote builder, from the server's record to BuildKit's answer. However it ends, the server is told.</summary>
internal sealed class RemoteBuild : IAsyncDisposable
{
    /// <summary>The server may be restarting in the moment in which a build ends.</summary>
    private static readonly TimeSpan FinishWithin = TimeSpan.FromSeconds(25);

    private readonly CliContext _cli;
    private readonly BuildPlan _plan;
    private readonly IProgressRenderer _display;
    private readonly SessionServices _services;
    private readonly DockerLoad? _load;
    private readonly VertexWriter _steps;
    private BuildRecord? _record;

    private RemoteBuild(CliContext cli, BuildPlan plan, IProgressRenderer display, VertexWriter steps, SessionServices services, DockerLoad? load)
    {
        (_cli, _plan, _display, _steps, _services, _load) = (cli, plan, display, steps, services, load);
    }

    public string BuildId => _record?.Id ?? "";

    public string ProjectId => _record?.ProjectId ?? "";

    /// <summary>Opens everything of this machine that the build will use: what is missing is said before a server hears of the build.</summary>
    public static async Task<RemoteBuild> PrepareAsync(
        CliContext cli, BuildPlan plan, LocalDocker? docker, IProgressRenderer display, CancellationToken cancellation)
    {
        var steps = new VertexWriter(display.Write, cli.Clock);
        var load = docker is null ? null : new DockerLoad(docker, steps, cancellation);
        var services = await SessionServices.OpenAsync(cli, plan, load, steps, cancellation);
        return new RemoteBuild(cli, plan, display, steps, services, load);
    }

    public async Task<BuildResult> RunAsync(string projectId, Credentials credentials, CancellationToken cancellation)
    {
        await using var api = _cli.OpenApi();

        // Drawing the first random number loads the TLS library: meanwhile the server answers.
        var reference = Task.Run(SolveCall.NewIdentifier, cancellation);
        _record = await BuildRecord.OpenAsync(api, credentials, BuildCommand.Describe(_plan, projectId), cancellation);
        _services.AddCredentials(_record.RegistryLogins);
        AnnounceBuild(_record.Url);
        try
        {
            var answer = await SolveAsync(api, _record, await reference, cancellation);
            await FinishAsync(_record.SucceedAsync);
            return new BuildResult(answer, _plan.Outputs.Any(output => output.PreferImageDigest));
        }
        catch (Exception problem)
        {
            await FinishFailedAsync(_record, problem, cancellation);
            if (cancellation.IsCancellationRequested)
            {
                throw new CliException("failed to build: failed to solve: Canceled: context canceled", ExitCode.Interrupted, problem);
            }

            throw;
        }
        finally
        {
            await _display.CompleteAsync();
            PrintSummary(_record.Url);
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

    private async Task<IReadOnlyDictionary<string, string>> SolveAsync(
        BuildApi api, BuildRecord record, string reference, CancellationToken cancellation)
    {
        await using var lease = await BuilderLease.AcquireAsync(api, record, _plan.Architecture, _steps, _cli.Settings.Proxies, _cli.Clock, cancellation);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, lease.CanceledByServer);
        try
        {
            var request = SolveCall.Request(_plan, record.ProjectId, reference, SolveCall.NewIdentifier());
            var sharedKey = _plan.Inputs.ContextFolder is { } folder ? _plan.SharedKey(folder, record.ProjectId) : "";
            return await new SolveRun(lease.Channel, _display.Write, _cli.Clock).RunAsync(request, sharedKey, _services.All, either.Token);
        }
        catch (Exception problem) when (!cancellation.IsCancellationRequested && problem is (OperationCanceledException or GrpcStatusException))
        {
            throw Explain(problem, lease);
        }
    }

    private Exception Explain(Exception problem, BuilderLease lease)
    {
        if (lease.CanceledByServer.IsCancellationRequested)
        {
            return BuilderLease.CanceledError();
        }

        if (_load?.Failure is CliException refused)
        {
            return new CliException($"failed to build: {refused.Message}", inner: refused) { Remedy = refused.Remedy };
        }

        return problem is GrpcStatusException status ? SolveFailure.Explain(status, lease.Endpoint) : problem;
    }

    private void AnnounceBuild(string url)
    {
        if (!_cli.Settings.HideSummaryLink)
        {
            _steps.Start($"[depot] build: {url}").Complete();
        }
    }

    private void PrintSummary(string url)
    {
        if (url.Length > 0 && !_cli.Settings.HideSummaryLink)
        {
            _cli.Error.WriteLine($"\nBuild Summary: {url}");
        }
    }

    private Task FinishFailedAsync(BuildRecord record, Exception problem, CancellationToken cancellation) =>
        cancellation.IsCancellationRequested || problem is OperationCanceledException
            ? FinishAsync(record.CancelAsync)
            : FinishAsync(stop => record.FailAsync(problem.Message, stop));

    /// <summary>The build's own end stands, whether or not the server can be told; it finds out by itself when the reports stop.</summary>
    private async Task FinishAsync(Func<CancellationToken, Task> finish)
    {
        using var limit = new CancellationTokenSource(FinishWithin, _cli.Clock);
        try
        {
            await finish(limit.Token);
        }
        catch (Exception problem) when (problem is ApiException or OperationCanceledException)
        {
            _cli.Warn($"could not tell the server how the build ended: {problem.Message}");
        }
    }
}
