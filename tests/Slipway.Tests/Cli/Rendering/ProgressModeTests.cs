using Depot.Cli.Rendering;
using Slipway.BuildKit;
using Xunit;

namespace Slipway.Tests.Cli.Rendering;

public sealed class ProgressModeTests
{
    [Theory]
    [InlineData("auto", null, false, "Auto")]
    [InlineData("", "", false, "Auto")]
    [InlineData("auto", "plain", false, "Plain")]
    [InlineData("tty", "plain", false, "Tty")]
    [InlineData("rawjson", null, false, "RawJson")]
    [InlineData("none", null, false, "None")]
    [InlineData("quiet", null, false, "Quiet")]
    [InlineData("auto", "plain", true, "Quiet")]
    [InlineData("none", null, true, "Quiet")]
    public void The_flag_counts_before_the_variable(string word, string? variable, bool quiet, string mode) =>
        Assert.Equal(mode, ProgressModes.Parse(word, variable, quiet).ToString());

    [Theory]
    [InlineData("fancy", null, false, "invalid progress mode fancy; use auto, plain, tty, quiet, rawjson or none")]
    [InlineData("auto", "fancy", false, "invalid progress mode fancy; use auto, plain, tty, quiet, rawjson or none")]
    [InlineData("plain", null, true, "progress=plain and quiet cannot be used together")]
    public void A_wrong_word_is_refused(string word, string? variable, bool quiet, string message) =>
        Assert.Equal(message, Assert.Throws<InputException>(() => ProgressModes.Parse(word, variable, quiet)).Message);

    [Theory]
    [InlineData("Auto", true, false, typeof(TtyProgress))]
    [InlineData("Auto", true, true, typeof(PlainProgress))]
    [InlineData("Auto", false, false, typeof(PlainProgress))]
    [InlineData("Tty", true, true, typeof(TtyProgress))]
    [InlineData("RawJson", true, false, typeof(RawJsonProgress))]
    [InlineData("Quiet", true, false, typeof(SilentProgress))]
    [InlineData("None", true, false, typeof(SilentProgress))]
    public async Task The_terminal_decides_where_the_mode_does_not(string mode, bool isTerminal, bool ci, Type renderer)
    {
        var terminal = new TestTerminal(isTerminal, new TerminalOptions { Ci = ci });
        await using var progress = ProgressRenderers.Create(Enum.Parse<ProgressMode>(mode), terminal.Terminal, "", TimeProvider.System);

        Assert.IsType(renderer, progress);
    }

    [Fact]
    public void Tty_without_a_terminal_is_refused() =>
        Assert.Throws<InputException>(() => ProgressRenderers.Create(ProgressMode.Tty, new TestTerminal().Terminal, "", TimeProvider.System));

    [Fact]
    public void Results_and_messages_go_to_different_streams()
    {
        var terminal = new TestTerminal();
        terminal.Terminal.WriteResult("sha256:1");
        terminal.Terminal.WriteMessage("words");

        Assert.Equal(("sha256:1\n", "words\n"), (terminal.Out, terminal.Err));
    }
}
