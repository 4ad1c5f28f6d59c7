namespace Depot.Cli.Rendering;

/// <summary>The terminal's size as .NET knows it on every system.</summary>
internal static class ConsoleSize
{
    public static TerminalSize Read()
    {
        try
        {
            var (width, height) = (Console.WindowWidth, Console.WindowHeight);
            return width > 0 && height > 0 ? new TerminalSize(width, height) : TerminalSize.Unknown;
        }
        catch (IOException)
        {
            // stderr is a terminal and stdout is none: Windows asks the latter.
            return TerminalSize.Unknown;
        }
    }
}
