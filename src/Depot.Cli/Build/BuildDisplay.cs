using Depot.Cli.Flags;
using Slipway.BuildKit.Wire.Control;

namespace Depot.Cli.Build;

/// <summary>How a build's progress is shown.</summary>
internal sealed class BuildDisplay(string mode, CliContext cli) : IAsyncDisposable
{
    /// <summary>The form: <c>plain</c>, <c>tty</c>, <c>rawjson</c> or <c>quiet</c>.</summary>
    public string Mode { get; } = mode;

    public static BuildDisplay Choose(BuildArguments arguments, CliContext cli)
    {
        var wanted = arguments.Progress;
        if (arguments.Quiet && wanted is not ("auto" or "quiet" or ""))
        {
            throw new CliException($"progress={wanted} and quiet cannot be used together");
        }

        if (arguments.Quiet || wanted is "quiet" or "none")
        {
            return new BuildDisplay("quiet", cli);
        }

        var mode = wanted is "auto" or "" ? cli.Settings.Progress ?? "auto" : wanted;
        return mode switch
        {
            "auto" or "" => new BuildDisplay(cli.Streams.ErrorIsTerminal && !cli.Settings.IsCi ? "tty" : "plain", cli),
            "plain" or "tty" or "rawjson" => new BuildDisplay(mode, cli),
            "quiet" or "none" => new BuildDisplay("quiet", cli),
            _ => throw new CliException($"invalid progress mode {GoText.Quote(mode)}"),
        };
    }

    public void Show(StatusResponse status)
    {
        if (Mode == "quiet")
        {
            return;
        }

        foreach (var vertex in status.Vertexes)
        {
            cli.Error.WriteLine($"{vertex.Name} {(vertex.Completed is null ? "" : vertex.Error.Length > 0 ? $"ERROR: {vertex.Error}" : "DONE")}");
        }
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
