namespace Depot.Cli.Rendering;

/// <summary>Columns and rows.</summary>
internal readonly record struct TerminalSize(int Width, int Height)
{
    /// <summary>For a terminal that does not tell (as docker assumes).</summary>
    public static readonly TerminalSize Unknown = new(80, 10);
}
