using Depot.Cli.Rendering;
using Google.Protobuf.WellKnownTypes;
using Microsoft.Extensions.Time.Testing;
using Slipway.BuildKit.Progress;
using Slipway.BuildKit.Wire.Control;
using Xunit;

namespace Slipway.Tests.Cli.Rendering;

public sealed class PlainProgressTests
{
    private readonly FakeTimeProvider _clock = new(DateTimeOffset.Parse("2026-11-24T00:00:00Z"));
    private readonly TestTerminal _terminal = new();

    // Recorded: docker buildx history logs --progress=plain, and the same history as rawjson.
    [Theory]
    [InlineData("succeeded", 2)]
    [InlineData("failed", 0)]
    public async Task A_recorded_build_reads_as_buildx_prints_it(string name, int warnings)
    {
        await using (var progress = Plain(header: ""))
        {
            StatusStream.Read($"{name}.rawjson").ForEach(progress.Write);
        }

        var expected = StatusStream.Expectation($"{name}.plain.txt");
        Assert.Equal(expected, _terminal.Err[..expected.Length]);
        Assert.Equal(warnings == 0 ? "" : $"\n {warnings} warnings found (use docker --debug to expand):\n", _terminal.Err[expected.Length..].Split(" - ")[0]);
    }

    // The stream of a build as it ran, at its own pace; the text was checked by eye against docker's own of the same Dockerfile.
    [Fact]
    public async Task A_build_at_its_own_pace_switches_between_steps()
    {
        await using (var progress = Plain("building with \"default\" instance using docker driver"))
        {
            Play("live.rawjson", progress);
        }

        Assert.Equal(StatusStream.Expectation("live.plain.txt"), _terminal.Err);
    }

    [Fact]
    public async Task The_header_comes_once_before_the_first_step_and_not_without_one()
    {
        await using (Plain("who"))
        {
        }

        Assert.Equal("", _terminal.Err);
        await using (var progress = Plain("who"))
        {
            new VertexWriter(progress.Write, _clock).Start("a").Complete();
        }

        Assert.Equal("#0 who\n\n#1 a\n#1 DONE 0.0s\n", _terminal.Err);
    }

    [Fact]
    public async Task Steps_of_the_clients_own_stand_beside_BuildKits()
    {
        await using (var progress = Plain("who"))
        {
            var steps = new VertexWriter(progress.Write, _clock);
            steps.Start("[depot] build: https://example/b/1").Complete();
            var launching = steps.Start("[depot] launching amd64 machine");
            _clock.Advance(TimeSpan.FromSeconds(1.25));
            launching.Log("machine is up\n");
            launching.Complete();
            steps.Start("[depot] connecting to amd64 machine").Fail("connection refused");
        }

        Assert.Equal(
            """
            #0 who

            #1 [depot] build: https://example/b/1
            #1 DONE 0.0s

            #2 [depot] launching amd64 machine
            #2 1.250 machine is up
            #2 DONE 1.2s

            #3 [depot] connecting to amd64 machine
            #3 ERROR: connection refused
            ------
             > [depot] connecting to amd64 machine:
            ------

            """,
            _terminal.Err);
    }

    [Fact]
    public async Task A_cancelled_step_is_no_error()
    {
        await using (var progress = Plain(""))
        {
            var steps = new VertexWriter(progress.Write, _clock);
            await Assert.ThrowsAsync<OperationCanceledException>(() => steps.RunAsync("work", _ => throw new OperationCanceledException()));
        }

        Assert.Equal("#1 work\n#1 CANCELED\n", _terminal.Err);
    }

    [Fact]
    public async Task An_unfinished_line_goes_on_where_it_stopped_and_starts_anew_after_another_step()
    {
        await using (var progress = Plain(""))
        {
            var steps = new VertexWriter(progress.Write, _clock);
            var a = steps.Start("a");
            Tick();
            a.Log("one ");
            Tick();
            a.Log("two ");
            Tick();
            steps.Start("b").Complete();
            Tick();
            a.Log("three\n");
            Tick();
            a.Complete();
        }

        // Between "one " and "two " nothing is written; the text in brackets is what a reader sees at that moment.
        Assert.Equal("#1 a\n#1 0.200 one two \n#1 ...\n\n#2 b\n#2 DONE 0.0s\n\n#1 a\n#1 0.200 one two three\n#1 DONE 1.0s\n", _terminal.Err);
    }

    [Fact]
    public async Task A_part_is_shown_again_only_when_it_has_moved()
    {
        await using (var progress = Plain(""))
        {
            var steps = new VertexWriter(progress.Write, _clock);
            var pull = steps.Start("pull");
            var started = _clock.GetUtcNow();
            foreach (var current in (long[])[0, 10_000, 49_000, 51_000, 60_000])
            {
                pull.Report("layer", current, 1_000_000, started, completed: false);
                Tick();
            }

            _clock.Advance(TimeSpan.FromSeconds(5));
            pull.Report("layer", 61_000, 1_000_000, started, completed: false);
            Tick();
            pull.Report("layer", 1_000_000, 1_000_000, started, completed: true);
            pull.Complete();
        }

        Assert.Equal(
            """
            #1 pull
            #1 layer 0B / 1.00MB
            #1 layer 51.00kB / 1.00MB 0.6s
            #1 layer 61.00kB / 1.00MB 6.0s
            #1 layer 1.00MB / 1.00MB 6.2s done
            #1 DONE 6.2s

            """,
            _terminal.Err);
    }

    [Fact]
    public async Task A_group_is_one_step_hidden_until_a_member_that_matters_starts()
    {
        await using (var progress = Plain(""))
        {
            progress.Write(Member("m1", weak: true, completed: true, cached: true));
            Tick();
            Assert.Equal("", _terminal.Err);
            progress.Write(Member("m2", weak: false, completed: false));
            Tick();
            Assert.Equal("#1 group\n", _terminal.Err);
            progress.Write(Member("m2", weak: false, completed: true));
        }

        Assert.Equal("#1 group\n#1 DONE 0.2s\n", _terminal.Err);
    }

    [Fact]
    public async Task A_step_that_waited_ten_seconds_gets_its_turn()
    {
        await using (var progress = Plain(""))
        {
            var steps = new VertexWriter(progress.Write, _clock);
            var busy = steps.Start("busy");
            var quiet = steps.Start("quiet");
            quiet.Log("here\n");
            for (var i = 0; i < 120; i++)
            {
                busy.Log("x\n");
                _clock.Advance(TimeSpan.FromMilliseconds(100));
            }

            busy.Complete();
            quiet.Complete();
        }

        Assert.Contains("#1 ...\n\n#2 quiet\n#2 0.000 here\n", _terminal.Err);
    }

    [Fact]
    public async Task Warnings_are_told_once_each_with_details_when_debugging()
    {
        var terminal = new TestTerminal(isTerminal: true, new TerminalOptions { Debug = true });
        await using (var progress = new PlainProgress(terminal.Terminal, "", _clock))
        {
            var step = new VertexWriter(progress.Write, _clock).Start("a");
            progress.Write(Warning(step.Digest));
            progress.Write(Warning("another"));
            step.Complete();
        }

        Assert.Equal(
            "#1 a\n#1 WARN: Rule: words\n#1 DONE 0.0s\n\n \e[33m1 warning found:\n\e[0m - Rule: words\nwhy\nMore info: https://example/rule\n"
            + "Dockerfile:1\n--------------------\n   1 | >>> FROM a\n   2 |     RUN b\n--------------------\n\n",
            terminal.Err);
    }

    [Fact]
    public async Task Names_are_cut_when_asked_for()
    {
        var terminal = new TestTerminal(options: new TerminalOptions { TruncateNames = true });
        await using (var progress = new PlainProgress(terminal.Terminal, "", _clock))
        {
            new VertexWriter(progress.Write, _clock).Start(new string('n', 80)).Complete();
        }

        Assert.StartsWith($"#1 {new string('n', 72)}...\n", terminal.Err);
    }

    [Fact]
    public async Task A_closed_stderr_does_not_end_the_build()
    {
        var terminal = new Terminal { In = Stream.Null, Out = Stream.Null, Err = new ClosedPipe() };
        await using var progress = new PlainProgress(terminal, "", _clock);

        new VertexWriter(progress.Write, _clock).Start("a").Complete();
    }

    [Fact]
    public async Task Many_threads_may_write()
    {
        await using (var progress = Plain(""))
        {
            var steps = new VertexWriter(progress.Write, _clock);
            await Parallel.ForAsync(0, 200, TestContext.Current.CancellationToken, async (i, cancellation) =>
            {
                await Task.Yield();
                steps.Start($"step {i}").Complete();
            });
        }

        Assert.Equal(200, _terminal.Err.Split('\n').Count(line => line.EndsWith(" DONE 0.0s", StringComparison.Ordinal)));
    }

    private PlainProgress Plain(string header) => new(_terminal.Terminal, header, _clock);

    private void Tick() => _clock.Advance(TimeSpan.FromMilliseconds(200));

    /// <summary>Gives each message at the time that it tells of.</summary>
    private void Play(string name, PlainProgress progress)
    {
        var start = _clock.GetUtcNow();
        long? first = null;
        foreach (var status in StatusStream.Read(name))
        {
            var time = status.Vertexes.SelectMany(vertex => (Timestamp?[])[vertex.Started, vertex.Completed])
                .Concat(status.Logs.Select(log => log.Timestamp))
                .Concat(status.Statuses.Select(one => one.Timestamp))
                .Select(one => one.ToNanoseconds())
                .DefaultIfEmpty()
                .Max();
            if (time > 0)
            {
                first ??= time;
                var wanted = start + TimeSpan.FromTicks((time - first.Value) / 100);
                _clock.Advance(wanted > _clock.GetUtcNow() ? wanted - _clock.GetUtcNow() : TimeSpan.Zero);
            }

            progress.Write(status);
        }
    }

    private StatusResponse Member(string digest, bool weak, bool completed, bool cached = false) => new()
    {
        Vertexes =
        {
            new Vertex
            {
                Digest = digest,
                Name = $"member {digest}",
                Started = Timestamp.FromDateTimeOffset(DateTimeOffset.Parse("2026-11-24T00:00:00Z")),
                Completed = completed ? Timestamp.FromDateTimeOffset(_clock.GetUtcNow() - (cached ? TimeSpan.Zero : TimeSpan.FromMilliseconds(200))) : null,
                Cached = cached,
                ProgressGroup = new ProgressGroup { Id = "g", Name = "group", Weak = weak },
            },
        },
    };

    private static StatusResponse Warning(string digest) => StatusStream.Parse($$$"""
        {"warnings":[{"vertex":"{{{digest}}}","level":1,"short":"UnVsZTogd29yZHM=","detail":["d2h5"],"url":"https://example/rule","sourceInfo":{"filename":"Dockerfile","data":"RlJPTSBhClJVTiBi"},"range":[{"start":{"line":1},"end":{"line":1}}]}]}
        """)[0];

    private sealed class ClosedPipe : MemoryStream
    {
        public override void Write(ReadOnlySpan<byte> buffer) => throw new IOException("Broken pipe");
    }
}
