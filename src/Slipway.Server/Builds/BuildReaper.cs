using Slipway.Server.Audit;
using Slipway.Server.Builders;
using Slipway.Server.Leasing;
using Slipway.Server.Sessions;
using Slipway.Server.Storage;
using Slipway.Server.Tokens;
using Slipway.Server.Trust;

namespace Slipway.Server.Builds;

/// <summary>Looks after what nobody calls about: builds whose client or builder vanished, engines that never start, small batches.</summary>
internal sealed class BuildReaper(
    BuildStore builds,
    BuilderStore builders,
    LeaseStore leases,
    TokenStore tokens,
    TokenUse tokenUse,
    TrustStore trust,
    SessionStore sessions,
    Denials denials,
    Fleet fleet,
    BuildActivity activity,
    EndBuild endBuild,
    TimeProvider clock,
    ILogger<BuildReaper> log) : BackgroundService
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan EngineStartMax = TimeSpan.FromMinutes(2);

    /// <summary>At once, for the sake of one flush of the disk, and no more: when a network takes thousands of clients away, new builds do not wait behind them.</summary>
    private const int EndsPerRound = 500;

    private static readonly long DayMilliseconds = TimeSpan.FromDays(1).Milliseconds();
    private int _ticks;

    /// <summary>One round; the background loop runs it every second.</summary>
    internal async Task TickAsync(CancellationToken cancellation)
    {
        endBuild.RevokeDue();
        await denials.FlushAsync(cancellation);
        await EndVanishedAsync(cancellation);
        await FailOverdueStartsAsync(cancellation);
        if (_ticks++ % 3 == 0)
        {
            FollowDatabase();
        }

        if (_ticks % 30 == 0)
        {
            await tokenUse.FlushAsync(cancellation);
            await builders.MarkSeenAsync([.. fleet.Attached.Select(builder => builder.Id)], clock.Now(), cancellation);
        }

        if (_ticks % 3600 == 0)
        {
            await tokens.PurgeAsync(clock.Now() - DayMilliseconds, cancellation);
            await trust.PurgeAsync(clock.Now(), cancellation);
            await sessions.PurgeAsync(clock.Now(), cancellation);
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Period, clock);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                await TickGuardedAsync(stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The server stops.
        }
    }

    private async Task TickGuardedAsync(CancellationToken cancellation)
    {
        try
        {
            await TickAsync(cancellation);
        }
        catch (Exception failure) when (failure is not OperationCanceledException)
        {
            // A full disk must not stop the rounds: the next one may succeed.
            ServerLog.RoundFailed(log, failure.Message);
        }
    }

    private async Task EndVanishedAsync(CancellationToken cancellation)
    {
        var running = builds.ListToJudge(openedBefore: clock.Now() - BuildVerdict.SilentAfter.Milliseconds());
        if (running.Count == 0)
        {
            return;
        }

        var stays = builds.ListAdmissionsOfRunning().ToLookup(admission => admission.BuildId, StringComparer.Ordinal);
        var names = builders.List().ToDictionary(builder => builder.Id, builder => builder.Name, StringComparer.Ordinal);
        var now = clock.Now();
        var ends = new List<Task>();
        foreach (var build in running.TakeWhile(_ => ends.Count < EndsPerRound))
        {
            var known = stays[build.Id].Select(admission => new BuildVerdict.Stay(
                admission,
                names.GetValueOrDefault(admission.BuilderId, admission.BuilderId),
                fleet.LostSince(admission.BuilderId),
                fleet.MissingSince(admission.BuilderId, build.Id))).ToList();
            if (BuildVerdict.Judge(build, known, activity.LastSign(build), now) is { } end)
            {
                ServerLog.BuildEnded(log, build.Id, end.Status, end.Reason);
                ends.Add(endBuild.HandleAsync(build.Id, end, cancellation));
            }
        }

        await Task.WhenAll(ends);
    }

    private async Task FailOverdueStartsAsync(CancellationToken cancellation)
    {
        foreach (var lease in fleet.OverdueStarts(clock.Now() - EngineStartMax.Milliseconds()))
        {
            fleet.EndLease(lease, $"no answer within {EngineStartMax.TotalMinutes:0} minutes");
            fleet.Send(
                lease.BuilderId,
                new Contract.Fleet.V1.ServerMessage { StopEngine = new Contract.Fleet.V1.StopEngine { LeaseId = lease.Id } });
            await leases.EndAsync(lease.Id, clock.Now(), cancellation);
        }
    }

    // "slipway admin --data" drains and removes builders in the database beside the running server.
    private void FollowDatabase()
    {
        if (fleet.Attached.Count == 0)
        {
            return;
        }

        var known = builders.List();
        foreach (var builder in known)
        {
            fleet.FollowDraining(builder.Id, builder.Draining);
        }

        foreach (var removed in fleet.Attached.Where(attached => known.All(builder => builder.Id != attached.Id)))
        {
            removed.Disconnect();
        }
    }
}
