using System.Text;

namespace Depot.Cli.Rendering;

/// <summary>The process's three streams: results go to <see cref="Out"/>, everything else to <see cref="Err"/>.</summary>
internal sealed class Terminal
{
    public required Stream In { get; init; }

    public required Stream Out { get; init; }

    public required Stream Err { get; init; }

    public bool InIsTerminal { get; init; }

    public bool OutIsTerminal { get; init; }

    public bool ErrIsTerminal { get; init; }

    public TerminalOptions Options { get; init; } = new();

    /// <summary>The size of the terminal behind stderr, which may change at any time.</summary>
    public Func<TerminalSize> Size { get; init; } = () => TerminalSize.Unknown;

    /// <summary>True when text on stderr may be coloured.</summary>
    public bool UseColor => ErrIsTerminal && !Options.NoColor;

    /// <summary>The streams that this process was started with.</summary>
    public static Terminal OfProcess(TerminalOptions options) =>
        OperatingSystem.IsWindows() ? WindowsConsole.Open(options) : UnixTerminal.Open(options);

    /// <summary>Writes one line of result.</summary>
    public void WriteResult(string line) => Write(Out, line);

    /// <summary>Writes one line for people.</summary>
    public void WriteMessage(string line) => Write(Err, line);

    private static void Write(Stream stream, string line)
    {
        stream.Write(Encoding.UTF8.GetBytes(line + "\n"));
        stream.Flush();
    }
}
