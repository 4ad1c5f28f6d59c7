using Slipway.BuildKit;

namespace Depot.Cli.Rendering;

/// <summary>Chooses the renderer for a mode and a terminal.</summary>
internal static class ProgressRenderers
{
    /// <param name="header">Describes the builder in the first line of plain output.</param>
    /// <param name="shortHeader">The same at the right of the first line on a terminal.</param>
    /// <param name="uploads">Knows how much of the context is on its way.</param>
    /// <exception cref="InputException">The mode needs a terminal and stderr is none.</exception>
    public static IProgressRenderer Create(ProgressMode mode, Terminal terminal, string header, TimeProvider clock, string shortHeader = "", UploadMeter? uploads = null) =>
        mode switch
        {
            ProgressMode.Auto when terminal.ErrIsTerminal && !terminal.Options.Ci => new TtyProgress(terminal, shortHeader, clock, uploads),
            ProgressMode.Tty when terminal.ErrIsTerminal => new TtyProgress(terminal, shortHeader, clock, uploads),
            ProgressMode.Tty => throw new InputException("failed to get console: stderr is not a terminal; use --progress=plain"),
            ProgressMode.Auto or ProgressMode.Plain => new PlainProgress(terminal, header, clock),
            ProgressMode.RawJson => new RawJsonProgress(terminal),
            ProgressMode.Quiet or ProgressMode.None => new SilentProgress(),
            _ => throw new ArgumentOutOfRangeException(nameof(mode)),
        };
}
