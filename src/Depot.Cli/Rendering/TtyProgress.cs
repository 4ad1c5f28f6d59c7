using System.Globalization;
using Slipway.BuildKit.Progress;
using Slipway.BuildKit.Wire.Control;

namespace Depot.Cli.Rendering;

/// <summary>Progress on a terminal: a list of steps that is redrawn in place, with the last output of the busiest ones.</summary>
internal sealed class TtyProgress : RefreshingProgress
{
    private const int LogLinesMin = 6;
    private const int LogIndent = 10;
    private const int LogWidthMin = 6;

    /// <summary>Below this much room for a name, a line is left out.</summary>
    private const int NameWidthMin = 12;

    /// <summary>What is kept for the report of a failure; a step can print without end.</summary>
    private const int KeptLinesMax = 20_000;

    /// <summary>BuildKit's name of the part that takes the build context.</summary>
    private const string ContextStatus = "transferring context:";

    private readonly string _header;
    private readonly UploadMeter? _uploads;
    private readonly TransferText _transfers = new();
    private readonly ProgressColors _colors;
    private readonly int _logLines;
    private readonly Dictionary<BuildVertex, LogPane> _panes = [];
    private readonly HashSet<BuildVertex> _withPane = [];
    private int _linesDrawn;
    private TerminalSize? _drawnSize;
    private bool _drawn;

    public TtyProgress(Terminal terminal, string header, TimeProvider clock, UploadMeter? uploads = null)
        : base(terminal, clock)
    {
        _header = header;
        _uploads = uploads;
        _colors = ProgressColors.From(terminal.Options);
        _logLines = terminal.Options.LogLines is > 0 and var lines ? lines : LogLinesMin;
    }

    protected override void OnAdded(StatusResponse status)
    {
        var size = Terminal.Size();
        foreach (var log in status.Logs)
        {
            if (Log.Find(log.Vertex) is { } vertex)
            {
                PaneOf(vertex, size).Write(log.Msg.Span);
                vertex.DropLinesBeyond(KeptLinesMax);
            }
        }
    }

    protected override void Refresh(bool last)
    {
        var size = Terminal.Size();
        var jobs = ChooseLines(ProgressJob.From(Log, Transfer), size, last);
        MoveToTop();
        if (_drawnSize is { } before && before != size)
        {
            // What was drawn for another width does not lie under the new lines.
            Output.Write("\e[J");
        }

        _drawnSize = size;
        Output.Write("\e[?25l");
        Output.WriteLine(Title(size.Width, last));
        var lines = jobs.Sum(job => Draw(job, size));

        // What the last drawing left below.
        for (var i = lines; i < _linesDrawn; i++)
        {
            Output.WriteLine(new string(' ', size.Width));
        }

        if (_linesDrawn > lines)
        {
            Output.Write(string.Create(CultureInfo.InvariantCulture, $"\e[{_linesDrawn - lines}A\e[0G"));
        }

        Output.Write("\e[?25h");
        _linesDrawn = lines;
    }

    protected override void WriteKeptLines(BuildVertex vertex)
    {
        foreach (var line in vertex.NewLines)
        {
            Output.Write(line.Prefix).Write(line.Text).WriteLine();
        }
    }

    private string Transfer(BuildStatus status)
    {
        var latest = status.Latest;
        var total = latest.ID == ContextStatus && _uploads?.ContextBytes is { } context ? Math.Max(latest.Current, context) : latest.Total;
        return _transfers.Of(status, total, Log.Now());
    }

    private int LogHeight(TerminalSize size) => Math.Max(LogLinesMin, Math.Min(_logLines, size.Height - LogLinesMin - 1));

    private LogPane PaneOf(BuildVertex vertex, TerminalSize size)
    {
        var (height, width) = (LogHeight(size), Math.Max(LogWidthMin, size.Width - LogIndent));
        if (_panes.TryGetValue(vertex, out var pane))
        {
            pane.Resize(height, width);
        }
        else
        {
            _panes[vertex] = pane = new LogPane(height, width);
        }

        return pane;
    }

    /// <summary>Gives the free rows to the running steps with the most output, and cuts the list to what fits.</summary>
    private List<ProgressJob> ChooseLines(List<ProgressJob> jobs, TerminalSize size, bool all)
    {
        _withPane.Clear();
        var free = size.Height - 2 - jobs.Count(job => !job.IsCompleted);
        var hidden = 0;
        var needed = LogHeight(size) + 3;
        var candidates = jobs
            .Where(job => !job.IsCompleted && job.Vertex is not null && _panes.ContainsKey(job.Vertex))
            .Select(job => job.Vertex!)
            .OrderByDescending(vertex => _panes[vertex].BytesWritten + (_panes[vertex].TimesShown * 50L));
        foreach (var vertex in candidates)
        {
            if (free <= needed)
            {
                break;
            }

            _withPane.Add(vertex);
            hidden += _panes[vertex].UsedRows.Count();
            free -= needed;
        }

        return all ? jobs : Fit(jobs, size.Height - 2 - hidden);
    }

    /// <summary>The last lines of the list, in which running jobs from above take the place of ended ones.</summary>
    private static List<ProgressJob> Fit(List<ProgressJob> jobs, int limit)
    {
        if (limit < 0)
        {
            return [];
        }

        var cut = jobs.Count - limit;
        if (cut <= 0)
        {
            return jobs;
        }

        var above = jobs.Take(cut).Where(job => !job.IsCompleted).ToList();
        var room = above.Count;
        List<ProgressJob> kept = [];
        foreach (var job in jobs.Skip(cut))
        {
            if (!job.IsCompleted || room <= 0)
            {
                kept.Add(job);
            }

            room--;
        }

        var free = limit - kept.Count;
        return [.. above.TakeLast(free), .. kept];
    }

    private void MoveToTop()
    {
        // One up for each line and the title; the very first drawing starts where the cursor is.
        for (var i = 0; i <= _linesDrawn; i++)
        {
            Output.Write("\e[1A");
        }

        Output.Write(_drawn ? "\e[0G" : "\e[1B\e[0G");
        _drawn = true;
    }

    private string Title(int width, bool last)
    {
        var total = 0;
        var completed = 0;
        foreach (var vertex in Log.Known.Where(vertex => !vertex.Hidden))
        {
            total++;
            completed += vertex.IsCompleted ? 1 : 0;
        }

        var seconds = RunInterval.ToSeconds(Log.Now() - Log.StartedAt);
        var finished = last && completed > 0 && completed == total ? "FINISHED" : "";
        var text = string.Create(CultureInfo.InvariantCulture, $"[+] Building {FixedPoint.Format(seconds, 1)}s ({completed}/{total}) {finished}");
        text = _header.Length > 0 ? Align(text, _header, width - 1) : Align(text, "", width);
        return CellText.Cut(text, width);
    }

    /// <summary>The count of lines it took.</summary>
    private int Draw(ProgressJob job, TerminalSize size)
    {
        const string prefix = " => ";
        if (job.Intervals.Count == 0)
        {
            return 0;
        }

        var seconds = job.Intervals.Sum(interval => interval.Seconds(Log.Now()));
        var timer = $" {FixedPoint.Format(seconds < 0.05 ? 0 : seconds, 1)}s\n";
        var left = size.Width - prefix.Length - timer.Length - 1;
        var showStatus = job.Status.Length > 0 && left + job.Status.Length > 20;
        left -= showStatus ? job.Status.Length + 1 : 0;
        if (left < NameWidthMin)
        {
            return 0;
        }

        var line = Align($"{prefix}{CellText.Cut(job.Name, left)}{(showStatus ? $" {job.Status}" : "")}", timer, size.Width);
        var color = !job.IsCompleted ? "" : job.IsCanceled ? _colors.Cancel : job.HasFailed ? _colors.Error : _colors.Run;
        Output.Write(color.Length > 0 ? $"{color}{line}\e[0m" : line);
        return job.Vertex is not null && _withPane.Contains(job.Vertex) ? 1 + DrawPane(PaneOf(job.Vertex, size), size.Width - LogIndent) : 1;
    }

    private int DrawPane(LogPane pane, int width)
    {
        var rows = 0;
        foreach (var row in pane.UsedRows)
        {
            Output.Write($"\e[2m => => # {CellText.Cut(row, Math.Max(LogWidthMin, width))}\n\e[0m");
            rows++;
        }

        pane.TimesShown++;
        return rows;
    }

    private static string Align(string left, string right, int width) => $"{CellText.PadRight(left, width - right.Length - 1)} {right}";
}
