using Depot.Cli.ControlPlane;
using Slipway.BuildKit.Progress;
using Slipway.Contract.Depot.Cli.V1;

namespace Depot.Cli.Build;

/// <summary>One build as the server knows it: a record, and whatever is solved on its builders. However it ends, the server is told.</summary>
internal sealed class RemoteBuild : IAsyncDisposable
{
    /// <summary>The server may be restarting in the moment in which a build ends.</summary>
    private static readonly TimeSpan FinishWithin = TimeSpan.FromSeconds(25);

    private readonly CliContext _cli;
    private readonly BuildApi _api;
    private readonly BuildRecord _record;
    private readonly VertexWriter _steps;
    private readonly long _openedAt;

    private RemoteBuild(CliContext cli, BuildApi api, BuildRecord record, VertexWriter steps)
    {
        (_cli, _api, _record, _steps) = (cli, api, record, steps);
        _openedAt = cli.Clock.GetTimestamp();
    }

    public string Id => _record.Id;

    public string ProjectId => _record.ProjectId;

    /// <summary>The names of what is saved, the build's own first.</summary>
    public IReadOnlyList<string> SavedNames => _record.SavedNames is { Count: > 0 } names ? names
        : throw new CliException("the server did not say where to save the image") { Remedy = "It has no registry, or is too old for --save; push with --push -t REGISTRY/NAME:TAG." };

    /// <summary>Opens the record. What can go wrong on this machine should have been found out before.</summary>
    public static async Task<RemoteBuild> OpenAsync(
        CliContext cli, CreateBuildRequest request, Credentials credentials, RegistryLogins logins, VertexWriter steps, CancellationToken cancellation)
    {
        var api = cli.OpenApi();
        try
        {
            // Drawing the first random number loads the TLS library: meanwhile the server answers.
            var random = Task.Run(SolveCall.NewIdentifier, cancellation);
            var record = await BuildRecord.OpenAsync(api, credentials, request, cancellation);
            await random;
            logins.Add(record.RegistryLogins);
            cli.Uploads.Say = line => steps.Start(line).Complete();
            var build = new RemoteBuild(cli, api, record, steps);
            build.Announce();
            return build;
        }
        catch
        {
            await api.DisposeAsync();
            throw;
        }
    }

    /// <summary>Does the build's work and tells the server how it ended.</summary>
    public async Task<T> RunAsync<T>(Func<BuilderSet, Task<T>> work, CancellationToken cancellation)
    {
        try
        {
            T result;
            await using (var builders = new BuilderSet(_api, _record, _steps, _cli.Settings.Proxies, _cli.Clock, cancellation))
            {
                result = await work(builders);
            }

            await FinishAsync("success", _record.SucceedAsync);
            return result;
        }
        catch (Exception problem)
        {
            await FinishFailedAsync(problem, cancellation);
            if (cancellation.IsCancellationRequested)
            {
                throw new CliException("failed to build: failed to solve: Canceled: context canceled", ExitCode.Interrupted, problem);
            }

            throw;
        }
    }

    /// <summary>The build's page, below everything that the display has shown.</summary>
    public void PrintSummary()
    {
        if (_record.Url.Length > 0 && !_cli.Settings.HideSummaryLink)
        {
            _cli.Error.WriteLine($"\nBuild Summary: {_record.Url}");
        }
    }

    public ValueTask DisposeAsync() => _api.DisposeAsync();

    private void Announce()
    {
        if (!_cli.Settings.HideSummaryLink)
        {
            _steps.Start($"[depot] build: {_record.Url}").Complete();
        }

        if (_record.IsUntrusted)
        {
            _steps.Start("[depot] this build is untrusted: its cache is apart from the project's own").Complete();
        }
    }

    private Task FinishFailedAsync(Exception problem, CancellationToken cancellation) =>
        cancellation.IsCancellationRequested || problem is OperationCanceledException
            ? FinishAsync("canceled", _record.CancelAsync)
            : FinishAsync("error", stop => _record.FailAsync(problem.Message, stop));

    /// <summary>The build's own end stands, whether or not the server can be told; it finds out by itself when the reports stop.</summary>
    private async Task FinishAsync(string result, Func<CancellationToken, Task> finish)
    {
        BuildLedger.Note(_cli, result, _cli.Clock.GetElapsedTime(_openedAt), ProjectId, _record.Url);
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
