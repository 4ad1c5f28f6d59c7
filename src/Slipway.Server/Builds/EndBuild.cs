using System.Collections.Concurrent;
using Slipway.Contract.Fleet.V1;
using Slipway.Server.Builders;
using Slipway.Server.Leasing;
using Slipway.Server.Storage;

namespace Slipway.Server.Builds;

/// <summary>Gives a build its one final state and takes its access away.</summary>
internal sealed class EndBuild(
    BuildStore builds, Fleet fleet, AcquireBuilder acquire, BuildActivity activity, ServerMetrics metrics, TimeProvider clock)
{
    // A client says that it is done before it closes its connections; they may end by themselves.
    private static readonly TimeSpan LeaveAlone = TimeSpan.FromSeconds(3);

    private readonly ConcurrentQueue<(long Due, string BuildId, string Reason)> _revocations = new();

    /// <summary>Ends the build unless it has ended; the first end stays.</summary>
    public async Task HandleAsync(string buildId, BuildEnd end, CancellationToken cancellation)
    {
        if (!await builds.EndAsync(buildId, end, clock.Now(), cancellation))
        {
            return;
        }

        metrics.CountBuildEnd(end.Status);
        activity.Forget(buildId);
        acquire.Forget(buildId);
        if (end.EndedBy == BuildEnd.ByClient)
        {
            _revocations.Enqueue((clock.Now() + LeaveAlone.Milliseconds(), buildId, "the build is over"));
        }
        else
        {
            Revoke(buildId, end.Reason);
        }
    }

    /// <summary>Closes what clients have left open long enough. What a crash forgets here, the builder's next Hello brings up again.</summary>
    public void RevokeDue()
    {
        while (_revocations.TryPeek(out var next) && next.Due <= clock.Now() && _revocations.TryDequeue(out next))
        {
            Revoke(next.BuildId, next.Reason);
        }
    }

    private void Revoke(string buildId, string reason)
    {
        foreach (var admission in builds.ListAdmissions(buildId))
        {
            fleet.Send(
                admission.BuilderId,
                new ServerMessage { RevokeBuild = new RevokeBuild { BuildId = buildId, Reason = reason } });
        }
    }
}
