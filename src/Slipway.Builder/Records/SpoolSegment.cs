using System.Globalization;
using Google.Protobuf;
using Slipway.Contract.Fleet.V1;

namespace Slipway.Builder.Records;

/// <summary>One file of a spool.</summary>
internal sealed class SpoolSegment(string path, long first)
{
    public string Path { get; } = path;

    public long First { get; } = first;

    /// <summary>The last sequence number in the file; one below <see cref="First"/> when it holds nothing.</summary>
    public long Last { get; private set; } = first - 1;

    public long Bytes { get; private set; }

    /// <summary>True when its log lines were taken out.</summary>
    public bool IsThinned { get; private set; }

    /// <summary>Reads what a killed builder left and cuts the file after its last whole frame.</summary>
    public static SpoolSegment Recover(string path)
    {
        var first = long.Parse(System.IO.Path.GetFileNameWithoutExtension(path), NumberStyles.None, CultureInfo.InvariantCulture);
        var segment = new SpoolSegment(path, first);
        using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.Read, 64 * 1024);
        while (SpoolFrame.TryRead(file, out var payload))
        {
            segment.Extend(Record.Parser.ParseFrom(payload).Sequence, SpoolFrame.HeadLength + payload.Length);
        }

        file.SetLength(segment.Bytes);
        file.Flush(flushToDisk: true);
        return segment;
    }

    public void Extend(long sequence, int bytes)
    {
        Last = sequence;
        Bytes += bytes;
    }

    /// <summary>Rewrites the file without its log lines; the first of them becomes a line that says how many went.</summary>
    public void Thin()
    {
        var lines = CountLines();
        if (lines <= 1)
        {
            IsThinned = true;
            return;
        }

        var temporary = Path + ".tmp";
        long bytes = 0;
        using (var source = new FileStream(Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 64 * 1024))
        using (var target = new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.Read, 64 * 1024))
        {
            var told = false;
            while (SpoolFrame.TryRead(source, out var payload))
            {
                var record = Record.Parser.ParseFrom(payload);
                if (record.RecordCase == Record.RecordOneofCase.Log && told)
                {
                    continue;
                }

                if (record.RecordCase == Record.RecordOneofCase.Log)
                {
                    told = true;
                    record.Log.Line = ByteString.CopyFromUtf8(
                        string.Create(CultureInfo.InvariantCulture, $"[slipway] {lines} log lines were dropped: the server was out of reach for too long"));
                }

                bytes += WriteFrame(target, record);
            }

            target.Flush(flushToDisk: true);
        }

        File.Move(temporary, Path, overwrite: true);
        (Bytes, IsThinned) = (bytes, true);
    }

    private static int WriteFrame(FileStream target, Record record)
    {
        var frame = new byte[SpoolFrame.HeadLength + record.CalculateSize()];
        record.WriteTo(frame.AsSpan(SpoolFrame.HeadLength));
        SpoolFrame.Seal(frame);
        target.Write(frame);
        return frame.Length;
    }

    private int CountLines()
    {
        var lines = 0;
        using var source = new FileStream(Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 64 * 1024);
        while (SpoolFrame.TryRead(source, out var payload))
        {
            lines += Record.Parser.ParseFrom(payload).RecordCase == Record.RecordOneofCase.Log ? 1 : 0;
        }

        return lines;
    }
}
