using Slipway.BuildKit.Wire.Control;

namespace Slipway.BuildKit.Progress;

/// <summary>Folds BuildKit's status messages into the steps of a build. Knows nothing of a terminal.</summary>
/// <remarks>Not thread-safe: one renderer owns one log.</remarks>
public sealed class BuildLog(TimeProvider clock)
{
    private readonly Dictionary<string, BuildVertex> _byDigest = new(StringComparer.Ordinal);
    private readonly Dictionary<string, VertexGroup> _groups = new(StringComparer.Ordinal);
    private readonly List<BuildVertex> _started = [];
    private readonly List<BuildVertex> _changed = [];
    private readonly List<VertexWarning> _warnings = [];
    private long? _firstStart;

    /// <summary>Steps in the order in which they started.</summary>
    public IReadOnlyList<BuildVertex> Started => _started;

    /// <summary>Every step known, once for each digest it goes by: a group counts for itself and for each member, as in docker's own count.</summary>
    public IEnumerable<BuildVertex> Known => _byDigest.Values;

    /// <summary>Steps with something new to show.</summary>
    public IReadOnlyList<BuildVertex> Changed => _changed;

    /// <summary>Every warning, in the order of arrival.</summary>
    public IReadOnlyList<VertexWarning> Warnings => _warnings;

    /// <summary>What to add to BuildKit's times to get this machine's, in nanoseconds: the first step is taken to have started just now.</summary>
    public long ClockDifference { get; private set; }

    /// <summary>When the build started, by this machine's clock, in Unix nanoseconds.</summary>
    public long StartedAt => (_firstStart ?? Now()) + (_firstStart is null ? 0 : ClockDifference);

    /// <summary>The present in Unix nanoseconds.</summary>
    public long Now() => (clock.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks * TimeSpan.NanosecondsPerTick;

    public BuildVertex? Find(string digest) => _byDigest.GetValueOrDefault(digest);

    /// <summary>Takes a step off <see cref="Changed"/>.</summary>
    public void MarkShown(BuildVertex vertex) => _changed.Remove(vertex);

    public void Add(StatusResponse status)
    {
        List<VertexGroup> touched = [];
        foreach (var message in status.Vertexes)
        {
            _firstStart ??= message.Started?.ToNanoseconds();
            if (message.ProgressGroup is null)
            {
                AddVertex(message);
            }
            else if (AddToGroup(message) is var group && !touched.Contains(group))
            {
                touched.Add(group);
            }
        }

        foreach (var group in touched)
        {
            Refresh(group);
        }

        AddDetails(status);
    }

    private void AddDetails(StatusResponse status)
    {
        foreach (var message in status.Statuses)
        {
            if (Find(message.Vertex) is { } vertex)
            {
                vertex.Update(message);
                Change(vertex);
            }
        }

        foreach (var warning in status.Warnings)
        {
            _warnings.Add(warning);
            if (Find(warning.Vertex) is { } vertex)
            {
                // Shown with the step's next change, as docker does.
                vertex.Add(warning);
                vertex.Touch(clock.GetTimestamp());
            }
        }

        foreach (var log in status.Logs)
        {
            if (Find(log.Vertex) is { } vertex)
            {
                vertex.Add(log);
                Change(vertex);
            }
        }
    }

    private void AddVertex(Vertex message)
    {
        if (!_byDigest.TryGetValue(message.Digest, out var vertex))
        {
            _byDigest[message.Digest] = vertex = new BuildVertex(message.Digest, message.Name);
        }

        var wasStarted = vertex.IsStarted;
        if (vertex.Update(message))
        {
            Change(vertex);
        }

        if (!wasStarted && vertex.IsStarted)
        {
            NoteClock(message.Started.ToNanoseconds());
            _started.Add(vertex);
        }
    }

    private VertexGroup AddToGroup(Vertex message)
    {
        var id = message.ProgressGroup.Id;
        if (!_groups.TryGetValue(id, out var group))
        {
            _groups[id] = group = new VertexGroup(new BuildVertex(id, message.ProgressGroup.Name) { Hidden = true });
            _byDigest[id] = group.Vertex;
        }

        group.Members[message.Digest] = message;
        _byDigest[message.Digest] = group.Vertex;
        return group;
    }

    private void Refresh(VertexGroup group)
    {
        var vertex = group.Vertex;
        var (wasStarted, wasHidden) = (vertex.IsStarted, vertex.Hidden);
        var changed = group.Refresh();
        if (!wasStarted && vertex.IsStarted)
        {
            NoteClock(vertex.Intervals[0].Start);
        }

        if (vertex.Hidden)
        {
            return;
        }

        if (wasHidden)
        {
            _started.Add(vertex);
        }

        if (changed || wasHidden)
        {
            Change(vertex);
        }
    }

    private void Change(BuildVertex vertex)
    {
        vertex.Touch(clock.GetTimestamp());
        if (!_changed.Contains(vertex))
        {
            _changed.Add(vertex);
        }
    }

    private void NoteClock(long start)
    {
        if (ClockDifference == 0)
        {
            ClockDifference = Now() - start;
        }
    }

    /// <summary>Steps that are shown as one, and hidden until one that is not weak has started.</summary>
    private sealed class VertexGroup(BuildVertex vertex)
    {
        public BuildVertex Vertex { get; } = vertex;

        public Dictionary<string, Vertex> Members { get; } = new(StringComparer.Ordinal);

        /// <summary>Works out the group from its members; true when that changes what is shown.</summary>
        public bool Refresh()
        {
            var changed = false;
            var cached = true;
            var error = Vertex.Error;
            foreach (var member in Members.Values)
            {
                if (member.Started is not null)
                {
                    changed |= Vertex.AddInterval(member);
                    Vertex.Hidden &= member.ProgressGroup.Weak;
                }

                cached &= member.Cached;
                if (error.Length == 0)
                {
                    error = member.Error;
                }

                Vertex.Hidden &= error.Length == 0;
            }

            changed |= Vertex.Cached != cached || Vertex.Error != error;
            (Vertex.Cached, Vertex.Error) = (cached, error);
            return changed;
        }
    }
}
