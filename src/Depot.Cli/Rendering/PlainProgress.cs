using Slipway.BuildKit.Progress;
using Slipway.BuildKit.Wire.Control;

namespace Depot.Cli.Rendering;

/// <summary>Progress as lines that are only ever added, one step at a time: the text of <c>docker buildx build --progress=plain</c>.</summary>
/// <remarks>Byte for byte that text, with one difference: where a step failed, its last ten lines are whole, while docker shows only
/// the tail of a line that it received in two pieces.</remarks>
internal sealed class PlainProgress : RefreshingProgress
{
    private const int KeptLinesMax = 10;
    private const int NameCharactersMax = 72;

    /// <summary>A part of a step is shown again once it moved by this share of its total, or this time has passed.</summary>
    private const double ProgressDelta = 0.05;
    private const long TimeDeltaNanoseconds = 5_000_000_000;

    private readonly string _header;
    private readonly Dictionary<BuildVertex, Shown> _shown = [];

    // By the part's id alone, whichever step it belongs to, as docker keeps it.
    private readonly Dictionary<string, (long Current, long Time)> _lastStatus = new(StringComparer.Ordinal);
    private readonly StepTurn _turn;
    private BuildVertex? _current;
    private bool _any;

    public PlainProgress(Terminal terminal, string header, TimeProvider clock)
        : base(terminal, clock)
    {
        _header = header;
        _turn = new StepTurn(clock);
    }

    protected override void Refresh(bool last)
    {
        var visible = Log.Changed.Where(vertex => !vertex.Hidden).ToList();
        var completed = visible.Where(vertex => vertex.IsCompleted).OrderBy(vertex => vertex.Intervals[^1].Stop).ToList();
        var running = visible.Where(vertex => !vertex.IsCompleted).ToList();
        var current = _current;

        // Steps that have ended come first, and of them the one that is being shown.
        var currentEnded = current is not null && completed.Remove(current);
        if (currentEnded)
        {
            Show(current!);
        }

        foreach (var vertex in completed)
        {
            Show(vertex);
        }

        if (running.Count == 0)
        {
            ShowAnyRunning(current);
        }
        else
        {
            ShowOneOf(running, current, currentEnded);
        }
    }

    protected override void WriteKeptLines(BuildVertex vertex)
    {
        if (_shown.TryGetValue(vertex, out var shown))
        {
            foreach (var line in shown.Kept)
            {
                Output.Write(line.Prefix).Write(line.Text).WriteLine();
            }
        }
    }

    private void ShowAnyRunning(BuildVertex? current)
    {
        if (current is { IsStarted: true, IsCompleted: false })
        {
            return;
        }

        if (Log.Started.FirstOrDefault(vertex => !vertex.IsCompleted && !vertex.Hidden) is { } running)
        {
            Show(running);
        }
    }

    private void ShowOneOf(List<BuildVertex> running, BuildVertex? current, bool currentEnded)
    {
        if (current is not null && running.Contains(current))
        {
            Show(current);
        }

        if (current is not null && !running.Contains(current))
        {
            running.Add(current);
        }

        if (_turn.Next(running, current, currentEnded) is { } next)
        {
            Show(next);
        }
    }

    private void Show(BuildVertex vertex)
    {
        var shown = ShownOf(vertex);
        if (vertex != _current)
        {
            SwitchTo(vertex, shown);
        }

        var open = ShowStatuses(vertex, shown);
        for (; shown.Warnings < vertex.Warnings.Count; shown.Warnings++)
        {
            Output.Write($"#{shown.Index} WARN: ").Write(vertex.Warnings[shown.Warnings].Short.Span).WriteLine();
        }

        ShowLines(vertex, shown);
        _current = vertex;
        if (vertex.IsCompleted && !open)
        {
            _current = null;
            vertex.EndTurn();
            ShowEnd(vertex, shown);
        }

        Log.MarkShown(vertex);
    }

    private void SwitchTo(BuildVertex vertex, Shown shown)
    {
        if (_current is { } old)
        {
            if (old.LastLineIsOpen)
            {
                Output.WriteLine();
            }

            // When its turn comes again, an open line is shown from its start.
            var oldShown = ShownOf(old);
            oldShown.OpenLineBytes = 0;
            old.EndTurn();
            Output.WriteLine($"#{oldShown.Index} ...");
        }

        if (_any)
        {
            Output.WriteLine();
        }
        else if (_header.Length > 0)
        {
            Output.WriteLine($"#0 {_header}").WriteLine();
        }

        _any = true;
        var name = Terminal.Options.TruncateNames && vertex.Name.Length > NameCharactersMax ? vertex.Name[..NameCharactersMax] + "..." : vertex.Name;
        Output.WriteLine($"#{shown.Index} {name}");
    }

    /// <summary>True when a part that was shown has not ended: then the step's own end waits.</summary>
    private bool ShowStatuses(BuildVertex vertex, Shown shown)
    {
        var open = false;
        foreach (var status in vertex.Statuses)
        {
            var latest = status.Latest;
            if (!vertex.ChangedStatuses.Contains(status.Id) || !IsWorthShowing(latest))
            {
                continue;
            }

            _lastStatus[latest.ID] = (latest.Current, latest.Timestamp.ToNanoseconds());
            open |= latest.Completed is null;
            var size = SizeText.Progress(latest.Current, latest.Total);
            Output.WriteLine($"#{shown.Index} {latest.ID}{(size.Length == 0 ? "" : $" {size}")}{DurationOf(latest)}{(latest.Completed is null ? "" : " done")}");
        }

        vertex.ClearChangedStatuses();
        return open;
    }

    private bool IsWorthShowing(VertexStatus status)
    {
        if (status.Completed is not null || !_lastStatus.TryGetValue(status.ID, out var last))
        {
            return true;
        }

        var moved = status.Total > 0 ? (status.Current - last.Current) / (double)status.Total : 0;
        return moved >= ProgressDelta || status.Timestamp.ToNanoseconds() - last.Time >= TimeDeltaNanoseconds;
    }

    private static string DurationOf(VertexStatus status)
    {
        if (status.Started is null)
        {
            return "";
        }

        var seconds = RunInterval.ToSeconds((status.Completed ?? status.Timestamp).ToNanoseconds() - status.Started.ToNanoseconds());
        return seconds > 0.01 ? $" {FixedPoint.Format(seconds, 1)}s" : "";
    }

    private void ShowLines(BuildVertex vertex, Shown shown)
    {
        for (var i = 0; i < vertex.NewLines.Count; i++)
        {
            var line = vertex.NewLines[i];
            if (i == 0 && shown.OpenLineBytes > 0)
            {
                Output.Write(line.Text[(shown.OpenLineBytes - line.Prefix.Length)..]);
            }
            else
            {
                Output.Write($"#{shown.Index} {line.Prefix}").Write(line.Text);
            }

            if (i < vertex.NewLines.Count - 1 || !vertex.LastLineIsOpen)
            {
                Output.WriteLine();
            }

            shown.Keep(line);
        }

        if (vertex.NewLines.Count > 0)
        {
            shown.OpenLineBytes = vertex.LastLineIsOpen ? vertex.NewLines[^1].Prefix.Length + vertex.NewLines[^1].Text.Length : 0;
            vertex.TakeLines();
        }
    }

    private void ShowEnd(BuildVertex vertex, Shown shown)
    {
        if (vertex.LastLineIsOpen)
        {
            Output.WriteLine();
        }

        Output.WriteLine($"#{shown.Index} {EndOf(vertex)}");
    }

    private string EndOf(BuildVertex vertex)
    {
        if (vertex.Error.Length > 0)
        {
            return vertex.IsCanceled ? "CANCELED" : $"ERROR: {vertex.Error}";
        }

        return vertex.Cached ? "CACHED" : $"DONE {FixedPoint.Format(vertex.Intervals.Sum(interval => interval.Seconds(Log.Now())), 1)}s";
    }

    private Shown ShownOf(BuildVertex vertex)
    {
        if (!_shown.TryGetValue(vertex, out var shown))
        {
            _shown[vertex] = shown = new Shown(_shown.Count + 1);
        }

        return shown;
    }

    /// <summary>What of a step has been printed.</summary>
    private sealed class Shown(int index)
    {
        private readonly Queue<LogLine> _kept = new();
        private LogLine? _latest;

        public int Index { get; } = index;

        public int Warnings { get; set; }

        /// <summary>How much of the step's unfinished line is on the screen, with its time; 0 when none is.</summary>
        public int OpenLineBytes { get; set; }

        public IEnumerable<LogLine> Kept => _kept;

        public void Keep(LogLine line)
        {
            if (line == _latest)
            {
                return;
            }

            _latest = line;
            _kept.Enqueue(line);
            if (_kept.Count > KeptLinesMax)
            {
                _kept.Dequeue();
            }
        }
    }
}
