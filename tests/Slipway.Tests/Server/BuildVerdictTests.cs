using Slipway.Contract.Depot.Cli.V1;
using Slipway.Server.Builds;
using Xunit;
using Build = Slipway.Server.Builds.Build;
using Outcome = Slipway.Contract.Fleet.V1.BuildEnded.Types.Outcome;

namespace Slipway.Tests.Server;

/// <summary>How a build ends when nobody says FinishBuild. Times are seconds after the build's creation.</summary>
public sealed class BuildVerdictTests
{
    private const long Start = 1_000_000;

    [Theory]
    [InlineData(Outcome.Success, "", "Finished/")]
    [InlineData(Outcome.Error, "exit code: 3", "Failed/exit code: 3")]
    [InlineData(Outcome.ClientLeft, "", "Canceled/client disconnected")]
    [InlineData(Outcome.NothingBuilt, "", "Canceled/client disconnected before it built anything")]
    public void What_the_builder_saw_decides_after_a_grace(Outcome outcome, string error, string expected)
    {
        var stay = Stay(connected: 1, outcome: outcome, ended: 20, error: error);
        Assert.Null(Judge(heard: 20, now: 29, stay));
        Assert.Equal(expected, Judge(heard: 20, now: 30, stay));
    }

    [Fact]
    public void A_client_that_still_reports_may_still_finish()
    {
        var stay = Stay(connected: 1, outcome: Outcome.Success, ended: 20);
        Assert.Null(Judge(heard: 100, now: 104, stay));
        Assert.Equal("Finished/", Judge(heard: 100, now: 110, stay));
    }

    [Fact]
    public void An_engine_that_dies_ends_the_build_at_once() =>
        Assert.Equal(
            "Failed/the engine stopped under the build: out of memory",
            Judge(heard: 20, now: 20, Stay(connected: 1, outcome: Outcome.EngineLost, ended: 20, error: "out of memory")));

    [Fact]
    public void A_silent_client_is_alive_while_its_builder_holds_the_connection() =>
        Assert.Null(Judge(heard: 1, now: 3000, Stay(connected: 1)));

    [Fact]
    public void A_client_that_never_came_is_given_up()
    {
        Assert.Null(Judge(heard: 10, now: 55));
        Assert.Equal("Canceled/client disconnected before the build started", Judge(heard: 10, now: 56));
        Assert.Equal("Canceled/client disconnected before the build started", Judge(heard: 10, now: 56, Stay()));
    }

    [Fact]
    public void A_builder_that_stays_away_takes_its_builds_with_it()
    {
        Assert.Null(Judge(heard: 60, now: 60, Stay(connected: 1) with { BuilderLostAt = At(30) }));
        Assert.Equal(
            "Failed/builder lost: mill stopped responding", Judge(heard: 60, now: 61, Stay(connected: 1) with { BuilderLostAt = At(30) }));
    }

    [Fact]
    public void A_builder_that_only_the_server_has_lost_sight_of_builds_on_while_its_client_vouches_for_it()
    {
        var stay = Stay(connected: 1) with { BuilderLostAt = At(30) };
        Assert.Null(Judge(heard: 330, now: 345, watches: true, stay));
        Assert.Equal("Failed/builder lost: mill stopped responding", Judge(heard: 330, now: 346, watches: true, stay));
        Assert.Equal("Failed/builder lost: mill stopped responding", Judge(heard: 345, now: 345, watches: false, stay));
    }

    [Fact]
    public void A_builder_that_comes_back_without_the_build_has_lost_it()
    {
        Assert.Null(Judge(heard: 60, now: 60, Stay(connected: 1) with { MissingSince = At(50) }));
        Assert.Equal(
            "Failed/builder lost: mill restarted during the build", Judge(heard: 60, now: 61, Stay(connected: 1) with { MissingSince = At(50) }));
    }

    [Fact]
    public void A_build_on_two_builders_ends_when_both_are_done_and_as_the_worse_one()
    {
        var failed = Stay(connected: 1, outcome: Outcome.Error, ended: 20, error: "no");
        Assert.Null(Judge(heard: 20, now: 100, Stay(connected: 1), failed));
        Assert.Equal("Failed/no", Judge(heard: 20, now: 100, Stay(connected: 1, outcome: Outcome.Success, ended: 90), failed));
        Assert.Equal(
            "Finished/",
            Judge(heard: 20, now: 100, Stay(connected: 1, outcome: Outcome.Success, ended: 90), Stay(connected: 1, outcome: Outcome.NothingBuilt, ended: 9)));
    }

    [Fact]
    public void No_build_runs_for_ever() =>
        Assert.Equal("Failed/the build ran longer than 2 hours", Judge(heard: 8100, now: 8101, Stay(connected: 1)));

    private static string? Judge(int heard, int now, params BuildVerdict.Stay[] stays) => Judge(heard, now, watches: false, stays);

    private static string? Judge(int heard, int now, bool watches, params BuildVerdict.Stay[] stays)
    {
        var build = new Build { Id = "b", ProjectId = "p", StartedBy = "x", Status = (long)BuildStatus.Running, CreatedAt = Start };
        return BuildVerdict.Judge(build, stays, new ClientSign(At(heard), watches), At(now)) is { } end ? $"{end.Status}/{end.Reason}" : null;
    }

    private static BuildVerdict.Stay Stay(int? connected = null, Outcome? outcome = null, int? ended = null, string error = "") => new(
        new Admission
        {
            BuildId = "b",
            Architecture = "amd64",
            LeaseId = "e",
            BuilderId = "m",
            ConnectedAt = connected is { } at ? At(at) : null,
            Outcome = (long?)outcome,
            EndedAt = ended is { } end ? At(end) : null,
            Error = error,
        },
        "mill",
        null,
        null);

    private static long At(int seconds) => Start + (seconds * 1000L);
}
