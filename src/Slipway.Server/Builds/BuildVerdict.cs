using Slipway.Contract;
using Slipway.Contract.Depot.Cli.V1;
using Slipway.Server.Storage;
using Outcome = Slipway.Contract.Fleet.V1.BuildEnded.Types.Outcome;

namespace Slipway.Server.Builds;

/// <summary>Decides, from what client and builder were last seen doing, whether a running build is over and how it ended.</summary>
/// <remarks>
/// Two witnesses: a build whose client is silent goes on while the builder holds its connection, and a build whose connections
/// have closed goes on while its client reports health (it may be loading the image). A builder that this server alone has lost sight
/// of builds on while a client that watches it says so. Every limit keeps below 60 s in total.
/// </remarks>
internal sealed class BuildVerdict
{
    internal static readonly TimeSpan BuilderLostAfter = TimeSpan.FromSeconds(30);
    internal static readonly TimeSpan MissingAfter = TimeSpan.FromSeconds(10);

    /// <summary>How long FinishBuild may take after the last connection closed; it tells more than the builder knows.</summary>
    internal static readonly TimeSpan FinishGrace = TimeSpan.FromSeconds(10);

    /// <summary>Clients report health every 5 s.</summary>
    internal static readonly TimeSpan SilentAfter = TimeSpan.FromSeconds(45);

    /// <summary>How long a report of a client that watches its builder stands for both: three reports, one of which may be lost.</summary>
    internal static readonly TimeSpan VouchedFor = TimeSpan.FromSeconds(15);

    /// <summary>What is known of one stay on a builder.</summary>
    internal sealed record Stay(Admission Admission, string BuilderName, long? BuilderLostAt, long? MissingSince);

    public static BuildEnd? Judge(Build build, IReadOnlyList<Stay> stays, ClientSign client, long now)
    {
        if (now - build.CreatedAt > (Limits.BuildDurationMax + Limits.CertificateGrace).Milliseconds())
        {
            return new BuildEnd(BuildStatus.Failed, $"the build ran longer than {Limits.BuildDurationMax.TotalHours:0} hours", BuildEnd.ByServer);
        }

        foreach (var stay in stays)
        {
            if (Broken(stay, client, now) is { } end)
            {
                return end;
            }
        }

        // A client that never came: its certificate may have been made, but nobody used it.
        if (!stays.Any(stay => stay.Admission.ConnectedAt is not null || stay.Admission.Outcome is not null))
        {
            return now - client.At > SilentAfter.Milliseconds()
                ? new BuildEnd(BuildStatus.Canceled, "client disconnected before the build started", BuildEnd.ByServer)
                : null;
        }

        return stays.Any(stay => stay.Admission is { Outcome: null, ConnectedAt: not null })
            ? null
            : AllClosed([.. stays.Select(stay => stay.Admission)], client.At, now);
    }

    private static BuildEnd? Broken(Stay stay, ClientSign client, long now)
    {
        if (stay.Admission.Outcome is { } outcome)
        {
            return (Outcome)outcome == Outcome.EngineLost
                ? new BuildEnd(BuildStatus.Failed, Text("the engine stopped under the build", stay.Admission.Error), BuildEnd.ByBuilder)
                : null;
        }

        if (stay.BuilderLostAt is { } lost && now - lost > BuilderLostAfter.Milliseconds() && !Vouches(client, now))
        {
            return new BuildEnd(BuildStatus.Failed, $"builder lost: {stay.BuilderName} stopped responding", BuildEnd.ByServer);
        }

        return stay.MissingSince is { } missing && now - missing > MissingAfter.Milliseconds()
            ? new BuildEnd(BuildStatus.Failed, $"builder lost: {stay.BuilderName} restarted during the build", BuildEnd.ByServer)
            : null;
    }

    private static bool Vouches(ClientSign client, long now) => client.WatchesBuilder && now - client.At <= VouchedFor.Milliseconds();

    private static BuildEnd? AllClosed(IReadOnlyList<Admission> stays, long lastHeard, long now)
    {
        var closed = stays.Max(stay => stay.EndedAt ?? 0);
        if (now - Math.Max(closed, lastHeard) < FinishGrace.Milliseconds())
        {
            return null;
        }

        var failed = stays.FirstOrDefault(stay => Is(stay, Outcome.Error));
        if (failed is not null)
        {
            return new BuildEnd(BuildStatus.Failed, failed.Error, BuildEnd.ByBuilder);
        }

        if (stays.Any(stay => Is(stay, Outcome.ClientLeft)))
        {
            return new BuildEnd(BuildStatus.Canceled, "client disconnected", BuildEnd.ByBuilder);
        }

        return stays.Any(stay => Is(stay, Outcome.Success))
            ? new BuildEnd(BuildStatus.Finished, "", BuildEnd.ByBuilder)
            : new BuildEnd(BuildStatus.Canceled, "client disconnected before it built anything", BuildEnd.ByBuilder);
    }

    private static bool Is(Admission stay, Outcome outcome) => stay.Outcome == (long)outcome;

    private static string Text(string what, string detail) => detail.Length > 0 ? $"{what}: {detail}" : what;
}
