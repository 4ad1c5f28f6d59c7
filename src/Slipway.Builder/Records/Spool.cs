using System.Buffers;
using System.Globalization;
using Google.Protobuf;
using Slipway.Contract.Fleet.V1;

namespace Slipway.Builder.Records;

/// <summary>The records of one build on one architecture, on disk from when they are made until the server has them.</summary>
/// <remarks>
/// A folder of segments. A segment's name is its first sequence number (20 digits, <c>.seg</c>); inside are frames
/// (<see cref="SpoolFrame"/>), one record each, in order. A number that no frame holds was dropped to stay inside the budget: it is
/// read as an empty record, so that the numbers on the wire have no gaps.
/// </remarks>
internal sealed class Spool : IDisposable
{
    public const int SegmentBytesMax = 4 * 1024 * 1024;

    private readonly Lock _lock = new();
    private readonly string _folder;
    private readonly List<SpoolSegment> _segments = [];
    private FileStream? _tail;
    private Cursor _cursor;
    private long _last;
    private long _durable;
    private long _acknowledged;
    private bool _finished;

    private Spool(string folder, string buildId, string architecture)
    {
        _folder = folder;
        BuildId = buildId;
        Architecture = architecture;
    }

    public string BuildId { get; }

    public string Architecture { get; }

    /// <summary>The highest sequence number given out.</summary>
    public long LastSequence
    {
        get { lock (_lock) { return _last; } }
    }

    /// <summary>The highest sequence number that a power cut cannot take back; only these are sent.</summary>
    public long DurableSequence
    {
        get { lock (_lock) { return _durable; } }
    }

    public long AcknowledgedSequence
    {
        get { lock (_lock) { return _acknowledged; } }
    }

    public long Bytes
    {
        get { lock (_lock) { return _segments.Sum(segment => segment.Bytes); } }
    }

    /// <summary>True when nothing more will be appended and the server has everything.</summary>
    public bool IsDone
    {
        get { lock (_lock) { return _finished && _acknowledged >= _last; } }
    }

    /// <param name="after">The last number that was used for this build and architecture before; 0 for a new build.</param>
    public static Spool Create(string folder, string buildId, string architecture, long after = 0)
    {
        Directory.CreateDirectory(folder);
        var spool = new Spool(folder, buildId, architecture);
        spool._last = spool._durable = spool._acknowledged = after;
        return spool;
    }

    /// <summary>Takes up what a killed builder left. Whatever follows the last whole frame is cut off.</summary>
    public static Spool Recover(string folder, string buildId, string architecture)
    {
        var spool = new Spool(folder, buildId, architecture);
        foreach (var path in Directory.EnumerateFiles(folder, "*.seg").Order(StringComparer.Ordinal))
        {
            var segment = SpoolSegment.Recover(path);
            spool._segments.Add(segment);
            spool._last = segment.Last;
        }

        foreach (var leftover in Directory.EnumerateFiles(folder, "*.tmp"))
        {
            File.Delete(leftover);
        }

        spool._durable = spool._last;
        spool._acknowledged = spool._segments is [var first, ..] ? first.First - 1 : 0;
        spool._finished = true;
        return spool;
    }

    /// <summary>Takes more records after <see cref="Finish"/>: a build may come back after it was thought to be over.</summary>
    public void Resume()
    {
        lock (_lock)
        {
            _finished = false;
        }
    }

    /// <summary>Numbers the record and adds it. It is durable after the next <see cref="Flush"/>.</summary>
    public long Append(Record record)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_finished, this);
            record.Sequence = _last + 1;
            var size = record.CalculateSize();
            var frame = ArrayPool<byte>.Shared.Rent(SpoolFrame.HeadLength + size);
            try
            {
                record.WriteTo(frame.AsSpan(SpoolFrame.HeadLength, size));
                SpoolFrame.Seal(frame.AsSpan(0, SpoolFrame.HeadLength + size));
                var tail = TailFor(record.Sequence);
                tail.Write(frame, 0, SpoolFrame.HeadLength + size);
                _segments[^1].Extend(record.Sequence, SpoolFrame.HeadLength + size);
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(frame);
            }

            return _last = record.Sequence;
        }
    }

    /// <summary>Makes everything appended so far durable.</summary>
    /// <returns>True when there was something to do.</returns>
    public bool Flush()
    {
        FileStream tail;
        long reached;
        lock (_lock)
        {
            if (_durable == _last || _tail is null)
            {
                return false;
            }

            // The disk is waited for outside the lock, so that a build's log is not held up by it.
            tail = _tail;
            tail.Flush(flushToDisk: false);
            reached = _last;
        }

        try
        {
            RandomAccess.FlushToDisk(tail.SafeFileHandle);
        }
        catch (ObjectDisposedException)
        {
            // The segment was rotated away meanwhile, which flushes it.
        }

        lock (_lock)
        {
            _durable = Math.Max(_durable, reached);
            return true;
        }
    }

    /// <summary>Durable records after <paramref name="sequence"/>, in order and without gaps; empty when there are none.</summary>
    public IReadOnlyList<Record> Read(long sequence, int recordsMax, int bytesMax)
    {
        lock (_lock)
        {
            var records = new List<Record>();
            var next = Math.Max(sequence, _acknowledged) + 1;
            var bytes = 0;
            var first = _segments.FindIndex(segment => segment.Last >= next);
            for (var i = first; i >= 0 && i < _segments.Count && next <= _durable; i++)
            {
                next = ReadSegment(i, next, records, recordsMax, bytesMax, ref bytes);
                if (records.Count >= recordsMax || bytes >= bytesMax)
                {
                    break;
                }
            }

            return records;
        }
    }

    /// <summary>The server has committed everything up to <paramref name="sequence"/>: segments below it are deleted.</summary>
    public void Acknowledge(long sequence)
    {
        lock (_lock)
        {
            _acknowledged = Math.Clamp(sequence, _acknowledged, _durable);
            // The segment being written stays until the spool is finished.
            while (_segments.Count > 0 && _segments[0].Last <= _acknowledged && (_segments.Count > 1 || _finished))
            {
                if (_segments.Count == 1)
                {
                    _tail?.Dispose();
                    _tail = null;
                }

                File.Delete(_segments[0].Path);
                _segments.RemoveAt(0);
                _cursor = default;
            }
        }
    }

    /// <summary>Frees space: takes the log lines out of the oldest whole segment that has any, and leaves one line that says so.</summary>
    /// <returns>False when there is nothing left to take.</returns>
    public bool DropOldestLines()
    {
        lock (_lock)
        {
            for (var i = 0; i < _segments.Count - 1; i++)
            {
                if (!_segments[i].IsThinned)
                {
                    _cursor = default;
                    _segments[i].Thin();
                    return true;
                }
            }

            return false;
        }
    }

    /// <summary>Nothing more will be appended; what there is becomes durable.</summary>
    public long Finish()
    {
        try
        {
            Flush();
        }
        finally
        {
            lock (_lock)
            {
                _finished = true;
                _tail?.Dispose();
                _tail = null;
            }
        }

        return LastSequence;
    }

    /// <summary>Deletes the records, which the server has, and leaves the next number behind: an empty segment of that name.</summary>
    public void Rest()
    {
        var last = Finish();
        foreach (var path in Directory.EnumerateFiles(_folder))
        {
            File.Delete(path);
        }

        File.Create(SegmentPath(_folder, last + 1)).Dispose();
    }

    public void Dispose() => Finish();

    private static string SegmentPath(string folder, long first) =>
        Path.Combine(folder, first.ToString("D20", CultureInfo.InvariantCulture) + ".seg");

    private FileStream TailFor(long sequence)
    {
        if (_tail is not null && _segments[^1].Bytes < SegmentBytesMax)
        {
            return _tail;
        }

        if (_tail is not null)
        {
            _tail.Flush(flushToDisk: true);
            _tail.Dispose();
            _durable = _last;
        }

        var path = SegmentPath(_folder, sequence);
        if (_segments is [.., { Bytes: 0 }])
        {
            // A killed builder made it and wrote nothing into it; this one has the same name.
            _segments.RemoveAt(_segments.Count - 1);
        }

        _tail = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, 64 * 1024);
        _segments.Add(new SpoolSegment(path, sequence));
        return _tail;
    }

    private long ReadSegment(int index, long next, List<Record> records, int recordsMax, int bytesMax, ref int bytes)
    {
        var segment = _segments[index];
        // Numbers run on to the next segment's first one, also when the last frames of this one were dropped.
        var end = Math.Min(_durable, index + 1 < _segments.Count ? _segments[index + 1].First - 1 : segment.Last);
        using var file = new FileStream(segment.Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 64 * 1024);
        file.Position = _cursor.Path == segment.Path && _cursor.Next == next ? _cursor.Offset : 0;
        while (next <= end && records.Count < recordsMax && bytes < bytesMax)
        {
            var offset = file.Position;
            var record = SpoolFrame.TryRead(file, out var payload) ? Record.Parser.ParseFrom(payload) : null;
            if (record is not null && record.Sequence < next)
            {
                continue;
            }

            var stop = Math.Min(end, (record?.Sequence ?? long.MaxValue) - 1);
            for (; next <= stop && records.Count < recordsMax; next++)
            {
                records.Add(new Record { Sequence = next });
            }

            if (record is null || next != record.Sequence || next > end || records.Count >= recordsMax)
            {
                _cursor = new Cursor(segment.Path, next, offset);
                continue;
            }

            records.Add(record);
            bytes += payload.Length;
            next++;
            _cursor = new Cursor(segment.Path, next, file.Position);
        }

        return next;
    }

    /// <summary>Where the reader stopped, so that the next batch does not read a segment from its start again.</summary>
    private readonly record struct Cursor(string? Path, long Next, long Offset);
}
