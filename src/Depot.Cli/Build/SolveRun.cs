using Slipway.BuildKit.Control;
using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Wire.Control;
using GatewayCacheImport = Slipway.BuildKit.Wire.Gateway.CacheOptionsEntry;
using GatewaySolveRequest = Slipway.BuildKit.Wire.Gateway.SolveRequest;
using Result = Slipway.BuildKit.Wire.Gateway.Result;

namespace Depot.Cli.Build;

/// <summary>One Solve on a builder whose session is open: its progress, its answer.</summary>
internal sealed class SolveRun(GrpcChannel channel, Action<StatusResponse> show, TimeProvider clock)
{
    /// <summary>After the answer, the progress stream may take this long between two messages until it ends by itself.</summary>
    private static readonly TimeSpan ProgressSilenceMax = TimeSpan.FromSeconds(5);

    /// <summary>BuildKit waits three seconds for the Solve that a gateway call belongs to. On a machine that is very busy that can be too little.</summary>
    private const int GatewayTriesMax = 5;

    private readonly ControlClient _control = new(channel);

    /// <summary>Sends the request as it is: the fewest round trips.</summary>
    public Task<SolveAnswer> RunAsync(SolveRequest request, CancellationToken cancellation) =>
        FollowAsync(request, async solve => new SolveAnswer((await solve).ExporterResponse), cancellation);

    /// <summary>Drives the request's frontend through the gateway, so that its own answer can be seen.</summary>
    /// <param name="answered">Called with it before anything is executed or exported.</param>
    public Task<SolveAnswer> RunFrontendAsync(SolveRequest request, Action<Result> answered, CancellationToken cancellation)
    {
        var inner = new GatewaySolveRequest { Frontend = request.Frontend, FrontendOpt = { request.FrontendAttrs }, FrontendInputs = { request.FrontendInputs } };
        inner.CacheImports.Add(request.Cache.Imports.Select(Import));
        var outer = request.Clone();
        outer.Frontend = "";
        outer.FrontendInputs.Clear();
        return FollowAsync(outer, solve => DriveAsync(new GatewayClient(channel, request.Ref), inner, solve, answered, cancellation), cancellation);
    }

    private async Task<SolveAnswer> FollowAsync(SolveRequest request, Func<Task<SolveResponse>, Task<SolveAnswer>> finish, CancellationToken cancellation)
    {
        using var silence = new CancellationTokenSource(Timeout.InfiniteTimeSpan, clock);
        var solve = _control.SolveAsync(request, cancellation);
        var progress = ShowProgressAsync(request.Ref, solve, silence);
        try
        {
            return await finish(solve);
        }
        finally
        {
            silence.CancelAfter(cancellation.IsCancellationRequested ? TimeSpan.Zero : ProgressSilenceMax);
            await progress;
        }
    }

    private static async Task<SolveAnswer> DriveAsync(
        GatewayClient gateway, GatewaySolveRequest request, Task<SolveResponse> solve, Action<Result> answered, CancellationToken cancellation)
    {
        Result result;
        try
        {
            result = await AskFrontendAsync(gateway, request, solve, cancellation);
            answered(result);
            await gateway.ReturnAsync(result, cancellation);
        }
        catch (GrpcStatusException problem) when (problem.FromPeer && !cancellation.IsCancellationRequested)
        {
            await EndAsync(gateway, problem, solve, cancellation);
            throw;
        }

        return new SolveAnswer((await solve).ExporterResponse, result);
    }

    private static async Task<Result> AskFrontendAsync(
        GatewayClient gateway, GatewaySolveRequest request, Task solve, CancellationToken cancellation)
    {
        for (var tries = 1; ; tries++)
        {
            try
            {
                return await gateway.SolveAsync(request, cancellation);
            }
            catch (GrpcStatusException problem) when (problem.Message.Contains("no such job", StringComparison.Ordinal) && tries < GatewayTriesMax && !solve.IsCompleted)
            {
                // Its Solve has not arrived yet.
            }
        }
    }

    /// <summary>Lets a Solve whose frontend failed end. What it then says is the whole story, so it goes first.</summary>
    private static async Task EndAsync(GatewayClient gateway, GrpcStatusException problem, Task solve, CancellationToken cancellation)
    {
        if (!solve.IsCompleted)
        {
            try
            {
                await gateway.FailAsync(problem, cancellation);
            }
            catch (GrpcStatusException)
            {
                // It ended in the same instant.
            }
        }

        await solve;
    }

    private static GatewayCacheImport Import(CacheOptionsEntry entry) => new() { Type = entry.Type, Attrs = { entry.Attrs } };

    private async Task ShowProgressAsync(string reference, Task solve, CancellationTokenSource silence)
    {
        try
        {
            await foreach (var status in _control.StatusAsync(reference, silence.Token))
            {
                show(status);
                if (solve.IsCompleted)
                {
                    silence.CancelAfter(ProgressSilenceMax);
                }
            }
        }
        catch (Exception problem) when (problem is GrpcStatusException or OperationCanceledException)
        {
            // Solve's own answer is what counts; without its progress a build only looks quieter.
        }
    }
}
