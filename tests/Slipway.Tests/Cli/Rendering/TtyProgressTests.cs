using System.Text;
using System.Text.RegularExpressions;
using CsCheck;
using Depot.Cli.Rendering;
using Microsoft.Extensions.Time.Testing;
using Slipway.BuildKit.Progress;
using Xunit;

namespace Slipway.Tests.Cli.Rendering;

public sealed class TtyProgressTests
{
    private readonly FakeTimeProvider _clock = new(DateTimeOffset.Parse("2026-11-24T00:00:00Z"));

    // Recorded on a terminal of 100 by 50: docker buildx history logs --progress=tty.
    [Theory]
    [InlineData("succeeded")]
    [InlineData("failed")]
    public async Task A_recorded_build_is_drawn_as_buildx_draws_it(string name)
    {
        var terminal = new TestTerminal(isTerminal: true);
        await using (var progress = new TtyProgress(terminal.Terminal, "", _clock))
        {
            StatusStream.Read($"{name}.rawjson").ForEach(progress.Write);
        }

        // buildx means warnings to be yellow and forgets to say that they have ended.
        var drawn = Regex.Replace(terminal.Err, "\e\\[33m( => WARN: [^\n]*\n)\e\\[0m", "$1");
        var expected = StatusStream.Expectation($"{name}.tty.txt").TrimEnd('\n');
        Assert.Equal(expected, drawn[..expected.Length]);
    }

    [Fact]
    public async Task Running_steps_show_their_last_output_and_ended_ones_do_not()
    {
        var terminal = new TestTerminal(isTerminal: true, width: 40, height: 30);
        await using var progress = new TtyProgress(terminal.Terminal, "docker:default", _clock);
        var step = new VertexWriter(progress.Write, _clock).Start("RUN make");
        for (var i = 1; i <= 8; i++)
        {
            step.Log($"line {i}\n");
        }

        terminal.TakeErr();
        Tick();
        Assert.Equal(
            [
                "[+] Building 0.2s (0/1)  docker:default",
                " => RUN make                       0.2s",
                " => => # line 3", " => => # line 4", " => => # line 5", " => => # line 6", " => => # line 7", " => => # line 8",
            ],
            Screen(terminal.TakeErr()));

        // What stood below is wiped.
        step.Complete();
        Assert.Equal(["[+] Building 0.2s (1/1)  docker:default", " => RUN make                       0.2s", "", "", "", "", "", ""], Screen(terminal.TakeErr()));
    }

    [Fact]
    public async Task A_transfer_that_runs_has_a_bar_and_a_rate_and_one_that_ended_looks_as_buildx_shows_it()
    {
        var terminal = new TestTerminal(isTerminal: true, width: 100, height: 30);
        var uploads = new UploadMeter();
        uploads.Watch("dockerfile").Moved(1, 999);
        uploads.Watch("context").Moved(40, 10);
        uploads.Watch("context").Moved(0, 4_000_000);
        await using var progress = new TtyProgress(terminal.Terminal, "", _clock, uploads);
        var started = _clock.GetUtcNow();
        var step = new VertexWriter(progress.Write, _clock).Start("[internal] load build context");
        step.Report("transferring context:", 1_000_000, 0, started, completed: false);
        _clock.Advance(TimeSpan.FromSeconds(1));
        step.Report("transferring context:", 3_000_000, 0, started, completed: false);
        step.Report("sha256:0123", 5_000_000, 10_000_000, started, completed: false);
        step.Report("unpacking", 7_000_000, 0, started, completed: false);
        _clock.Advance(TimeSpan.FromMilliseconds(700));
        var screen = Screen(terminal.TakeErr());
        Assert.StartsWith(" => => transferring context: 3.00MB / 4.00MB [===============>    ]  75% ", screen[2]);
        Assert.Matches(@"% \d+\.\d\d[kM]B/s +1\.\ds$", screen[2]);
        Assert.StartsWith(" => => sha256:0123 5.00MB / 10.00MB [==========>         ]  50%", screen[3]);
        Assert.StartsWith(" => => unpacking 7.00MB ", screen[4]);

        step.Report("transferring context:", 4_000_000, 0, started, completed: true);
        Tick();
        Assert.Matches("^ => => transferring context: 4.00MB +1.[0-9]s$", Screen(terminal.TakeErr())[2]);
    }

    [Fact]
    public async Task A_terminal_that_changes_its_size_is_wiped_below_the_top()
    {
        var terminal = new TestTerminal(isTerminal: true, width: 60, height: 30);
        await using var progress = new TtyProgress(terminal.Terminal, "", _clock);
        new VertexWriter(progress.Write, _clock).Start("a");
        Tick();
        Assert.DoesNotContain("\e[J", terminal.TakeErr());
        terminal.Size = new TerminalSize(40, 10);
        Tick();
        var drawn = terminal.TakeErr();
        Assert.Contains("\e[0G\e[J\e[?25l", drawn);
        Assert.All(Screen(drawn), row => Assert.True(row.Length < 40));
        Tick();
        Assert.DoesNotContain("\e[J", terminal.TakeErr());
    }

    [Fact]
    public void Two_contexts_at_once_are_not_added_up()
    {
        var uploads = new UploadMeter();
        Assert.Null(uploads.ContextBytes);
        var first = uploads.Watch("context").Moved;
        first(1, 10);
        Assert.Equal(10, uploads.ContextBytes);
        uploads.Watch("context").Moved(1, 20);
        Assert.Null(uploads.ContextBytes);
        first(10, 10);
        Assert.Equal(20, uploads.ContextBytes);
    }

    [Fact]
    public async Task Redrawing_starts_where_the_last_drawing_did()
    {
        var terminal = new TestTerminal(isTerminal: true, width: 40, height: 30);
        await using var progress = new TtyProgress(terminal.Terminal, "", _clock);
        var steps = new VertexWriter(progress.Write, _clock);
        steps.Start("a").Complete();
        steps.Start("b").Complete();
        Tick();
        terminal.TakeErr();
        Tick();

        // The title and two lines up, to the first column, with the cursor hidden while drawing.
        Assert.StartsWith("\e[1A\e[1A\e[1A\e[0G\e[?25l[+] Building", terminal.Err);
        Assert.EndsWith("\e[?25h", terminal.Err);
    }

    /// <summary>Counted as a terminal counts: each of these letters is two cells wide, a combining mark none.</summary>
    [Fact]
    public async Task Wide_letters_do_not_make_a_line_longer_than_the_terminal_is_wide()
    {
        var terminal = new TestTerminal(isTerminal: true, width: 30, height: 30);
        await using var progress = new TtyProgress(terminal.Terminal, "", _clock);
        var steps = new VertexWriter(progress.Write, _clock);
        steps.Start("日本語の長い名前");
        steps.Start("e\u0301e\u0301");
        terminal.TakeErr();
        Tick();

        Assert.Equal(["[+] Building 0.2s (0/2)", " => 日本語の長い名前     0.2s", " => e\u0301e\u0301                   0.2s"], Screen(terminal.TakeErr()));
        Assert.Equal("日本", CellText.Cut("日本語", 5));
        Assert.Equal("🙂", CellText.Cut("🙂🙂", 3));
    }

    [Fact]
    public async Task A_low_terminal_keeps_the_running_steps_in_sight()
    {
        var terminal = new TestTerminal(isTerminal: true, width: 40, height: 6);
        await using var progress = new TtyProgress(terminal.Terminal, "", _clock);
        var steps = new VertexWriter(progress.Write, _clock);
        steps.Start("running");
        for (var i = 0; i < 10; i++)
        {
            steps.Start($"ended {i}").Complete();
        }

        terminal.TakeErr();
        Tick();

        Assert.Equal(
            ["[+] Building 0.2s (10/11)", " => running                        0.2s", " => ended 7                        0.0s", " => ended 8                        0.0s", " => ended 9                        0.0s"],
            Screen(terminal.TakeErr()));
    }

    [Fact]
    public async Task A_name_cannot_command_the_terminal()
    {
        var terminal = new TestTerminal(isTerminal: true);
        await using (var progress = new TtyProgress(terminal.Terminal, "", _clock))
        {
            var step = new VertexWriter(progress.Write, _clock).Start("evil\e]0;title\a\nname");
            step.Log("\e]52;c;aGk=\a\e[2Jout\e[31mput\n");
            Tick();
        }

        Assert.DoesNotContain("\e]", terminal.Err);
        Assert.DoesNotContain("\e[2J", terminal.Err);
        Assert.DoesNotContain("\e[31m", terminal.Err);
        Assert.Contains("output", terminal.Err);
    }

    [Theory]
    [InlineData(null, false, "\e[34m")]
    [InlineData("run=green", false, "\e[32m")]
    [InlineData("run=255,128,0", false, "\e[38;5;208m")]
    [InlineData("run=nonsense:error=blue", false, "\e[34m")]
    [InlineData("\"", false, "\e[34m")]
    [InlineData("run=green", true, "")]
    public void Colours_are_the_users(string? colors, bool noColor, string run) =>
        Assert.Equal(run, ProgressColors.From(new TerminalOptions { Colors = colors, NoColor = noColor }).Run);

    [Fact]
    public void A_pane_is_a_small_screen()
    {
        var pane = new LogPane(3, 10);
        pane.Write("one\r\ntwo\nthree\nfour\n"u8);
        Assert.Equal(["two", "three", "four"], pane.UsedRows.Select(row => row.TrimEnd()));

        pane = new LogPane(3, 10);
        pane.Write("50%\r100%\n\e[1;1Hx\e[Kabc\b\bz\e[2;3H"u8);
        Assert.Equal(["xazc"], pane.UsedRows.Select(row => row.TrimEnd()));

        pane = new LogPane(2, 6);
        pane.Write([0xE2]);
        pane.Write([0x9C, 0x93, .. " wraps\e[31m"u8]);
        Assert.Equal(["✓ wrap", "s     "], pane.UsedRows);
        pane.Resize(2, 8);
        Assert.Equal(["✓ wrap  ", "s       "], pane.UsedRows);
        pane.Resize(1, 3);
        Assert.Equal(["✓ w"], pane.UsedRows);
        pane.Write("\e[9;9H\e[2Jx"u8);
        Assert.Equal(["  x"], pane.UsedRows);
    }

    // A step's output is the build's own; none of it may end the client.
    [Fact]
    public void Any_bytes_leave_the_pane_whole() =>
        Gen.Char["\e[;0123456789ABCDHJKfsu\b\r\n x"].Array[0, 200].Select(chars => Encoding.ASCII.GetBytes(chars)).Sample(bytes =>
        {
            var pane = new LogPane(4, 8);
            pane.Write(bytes);
            pane.Resize(3, 6);
            pane.Write(bytes);
            Assert.All(pane.UsedRows, row => Assert.Equal(6, row.Length));
        });

    private void Tick() => _clock.Advance(TimeSpan.FromMilliseconds(200));

    /// <summary>The rows of one drawing, without colours and cursor movement.</summary>
    private static List<string> Screen(string drawing)
    {
        var last = drawing[drawing.LastIndexOf("\e[?25l", StringComparison.Ordinal)..drawing.LastIndexOf('\n')];
        return [.. last.Split('\n').Select(line => Uncolored(line).TrimEnd())];
    }

    private static string Uncolored(string line) => Regex.Replace(line, "\e\\[[0-9;?]*[a-zA-Z]", "");
}
