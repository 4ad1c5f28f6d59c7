using Slipway.BuildKit.Wire.Control;

namespace Slipway.BuildKit.Progress;

/// <summary>A part of a step's work with a progress of its own, such as one layer being pulled.</summary>
public sealed class BuildStatus(VertexStatus latest)
{
    public string Id => Latest.ID;

    public VertexStatus Latest { get; internal set; } = latest;

    internal bool Listed { get; set; }
}

/// <summary>One step of a build as it stands now; or a group of steps that is shown as one.</summary>
public sealed class BuildVertex
{
    private readonly Dictionary<long, RunInterval> _intervals = [];
    private readonly Dictionary<string, BuildStatus> _statusById = new(StringComparer.Ordinal);
    private readonly List<BuildStatus> _statuses = [];
    private readonly List<LogLine> _newLines = [];
    private readonly List<VertexWarning> _warnings = [];
    private readonly HashSet<string> _changedStatuses = new(StringComparer.Ordinal);
    private Vertex? _previous;

    internal BuildVertex(string digest, string name) => (Digest, Name) = (digest, name);

    public string Digest { get; }

    public string Name { get; internal set; }

    /// <summary>Why the step failed; empty when it did not.</summary>
    public string Error { get; internal set; } = "";

    public bool Cached { get; internal set; }

    /// <summary>True for a group whose members with something to show have not started.</summary>
    public bool Hidden { get; internal set; }

    /// <summary>The times that the step ran, joined.</summary>
    public IReadOnlyList<RunInterval> Intervals { get; private set; } = [];

    /// <summary>The times as BuildKit told them, which overlap where a group's members do.</summary>
    public IEnumerable<RunInterval> RawIntervals => _intervals.Values;

    public bool IsStarted => Intervals.Count > 0;

    public bool IsCompleted => Intervals.Count > 0 && Intervals[^1].Stop is not null;

    /// <summary>True when the step did not fail by itself but was stopped.</summary>
    public bool IsCanceled => Error.EndsWith("context canceled", StringComparison.Ordinal);

    /// <summary>The parts that have started, oldest first.</summary>
    public IReadOnlyList<BuildStatus> Statuses => _statuses;

    public IReadOnlyList<VertexWarning> Warnings => _warnings;

    /// <summary>Ids of the parts that changed since <see cref="ClearChangedStatuses"/>.</summary>
    public IReadOnlySet<string> ChangedStatuses => _changedStatuses;

    /// <summary>Lines since <see cref="TakeLines"/>; the last one may still grow.</summary>
    public IReadOnlyList<LogLine> NewLines => _newLines;

    /// <summary>True while the last line has no line end yet.</summary>
    public bool LastLineIsOpen { get; private set; }

    /// <summary>How much happened since the step was last shown, which decides whose turn it is.</summary>
    public int UnshownUpdates { get; private set; }

    /// <summary>When the first of <see cref="UnshownUpdates"/> came, by the clock's timestamp.</summary>
    public long UnshownSince { get; private set; }

    /// <summary>Forgets the shown lines, but keeps the last one while it can still grow.</summary>
    public void TakeLines() => _newLines.RemoveRange(0, LastLineIsOpen && _newLines.Count > 0 ? _newLines.Count - 1 : _newLines.Count);

    /// <summary>Forgets the oldest lines once there are more than <paramref name="count"/>; a tenth at a time, since each removal moves the rest.</summary>
    public void DropLinesBeyond(int count)
    {
        if (_newLines.Count > count)
        {
            _newLines.RemoveRange(0, Math.Max(_newLines.Count - count, count / 10));
        }
    }

    public void ClearChangedStatuses() => _changedStatuses.Clear();

    /// <summary>Starts the count of <see cref="UnshownUpdates"/> anew.</summary>
    public void EndTurn() => UnshownUpdates = 0;

    internal void Touch(long timestamp)
    {
        if (UnshownUpdates == 0)
        {
            UnshownSince = timestamp;
        }

        UnshownUpdates++;
    }

    /// <summary>Takes over what a message says of this step; true when that changes what is shown.</summary>
    internal bool Update(Vertex message)
    {
        // A first message may come again without a start time; it must not undo what is known.
        if (_previous is null || !IsStarted || message.Started is not null)
        {
            (Name, Error, Cached) = (message.Name, message.Error, message.Cached);
        }

        if (message.Started is null)
        {
            _previous ??= message;
            return false;
        }

        var old = _previous;
        _previous = message;
        AddInterval(message);
        return old?.Started is null
            || old.Name != message.Name
            || !old.Started.Equals(message.Started)
            || message.Completed is not null
            || old.Cached != message.Cached
            || old.Error != message.Error;
    }

    /// <summary>True when the interval was not known in this form.</summary>
    internal bool AddInterval(Vertex message)
    {
        var interval = new RunInterval(message.Started.ToNanoseconds(), message.Completed?.ToNanoseconds());
        var known = _intervals.TryGetValue(interval.Start, out var before) && before == interval;
        _intervals[interval.Start] = interval;
        Intervals = RunInterval.Merge(_intervals.Values);
        return !known;
    }

    internal void Update(VertexStatus message)
    {
        if (!_statusById.TryGetValue(message.ID, out var status))
        {
            _statusById[message.ID] = status = new BuildStatus(message);
        }

        status.Latest = message;
        if (message.Started is not null && !status.Listed)
        {
            status.Listed = true;
            _statuses.Add(status);
        }

        _changedStatuses.Add(message.ID);
    }

    internal void Add(VertexWarning warning) => _warnings.Add(warning);

    internal void Add(VertexLog log)
    {
        var text = log.Msg.Span;
        if (text.IsEmpty)
        {
            return;
        }

        while (!text.IsEmpty)
        {
            var end = text.IndexOf((byte)'\n');
            var line = LastLineIsOpen && _newLines.Count > 0 ? _newLines[^1] : NewLine(log);
            line.Append(end < 0 ? text : text[..end]);
            LastLineIsOpen = end < 0;
            text = end < 0 ? [] : text[(end + 1)..];
        }
    }

    private LogLine NewLine(VertexLog log)
    {
        var since = IsStarted ? log.Timestamp.ToNanoseconds() - Intervals[^1].Start : 0;
        var line = new LogLine(LogLine.PrefixFor(RunInterval.ToSeconds(since)));
        _newLines.Add(line);
        return line;
    }
}
