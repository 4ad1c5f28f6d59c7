using Depot.Cli.Rendering;

namespace Depot.Cli;

/// <summary>The output of the listing commands: a table for people, csv and json for programs.</summary>
internal static class Listing
{
    /// <summary>A terminal gets a table, a pipe csv.</summary>
    public static string ParseFormat(string text, CliContext cli) => text switch
    {
        "" => cli.Terminal.OutIsTerminal ? "table" : "csv",
        "csv" or "json" or "table" => text,
        _ => throw new CliException($"unknown format: {text}. Requires csv or json"),
    };

    public static int Write<T>(CliContext cli, string format, Table<T> table)
    {
        cli.Output.Write(format switch
        {
            "json" => table.ToJson(),
            "csv" => table.ToCsv(),
            _ => table.ToText(),
        });
        return ExitCode.Done;
    }
}
