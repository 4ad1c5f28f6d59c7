using System.Buffers;
using System.Text;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Slipway.Contract.Fleet.V1;

namespace Slipway.Builder.Records;

/// <summary>Cuts one output stream of one step into lines, however BuildKit chunks it.</summary>
internal sealed class LogLines(string step, int stream)
{
    public const int LineBytesMax = 64 * 1024;

    private static readonly byte[] CutMarker = Encoding.ASCII.GetBytes(" [slipway: the line goes on]");

    private readonly ArrayBufferWriter<byte> _line = new();
    private Timestamp? _at;
    private bool _overlong;

    public void Add(ReadOnlySpan<byte> chunk, Timestamp? at, Action<Record> emit)
    {
        while (!chunk.IsEmpty)
        {
            _at ??= at;
            var end = chunk.IndexOf((byte)'\n');
            Keep(end < 0 ? chunk : chunk[..end]);
            if (end < 0)
            {
                return;
            }

            Emit(emit);
            chunk = chunk[(end + 1)..];
        }
    }

    /// <summary>The step is over: what has no line end yet is a line, too.</summary>
    public void Flush(Action<Record> emit)
    {
        if (_line.WrittenCount > 0)
        {
            Emit(emit);
        }
    }

    private void Keep(ReadOnlySpan<byte> part)
    {
        var room = LineBytesMax - _line.WrittenCount;
        _overlong |= part.Length > room;
        _line.Write(part[..Math.Min(part.Length, room)]);
    }

    private void Emit(Action<Record> emit)
    {
        var line = _line.WrittenSpan;
        if (line is [.., (byte)'\r'] && !_overlong)
        {
            line = line[..^1];
        }

        // Bytes, not text: a step may print anything.
        var bytes = _overlong ? ByteString.CopyFrom([.. line, .. CutMarker]) : ByteString.CopyFrom(line);
        emit(new Record { Log = new LogRecord { StepDigest = step, At = _at, Stream = stream, Line = bytes } });
        _line.ResetWrittenCount();
        (_at, _overlong) = (null, false);
    }
}
