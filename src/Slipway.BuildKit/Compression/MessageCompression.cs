using System.Buffers.Binary;
using System.IO.Compression;
using Slipway.BuildKit.Grpc;

namespace Slipway.BuildKit.Compression;

/// <summary>gzip for the messages of one session, where it pays.</summary>
/// <remarks>
/// gRPC compresses message by message: a call announces <c>grpc-encoding</c> once, and a flag on each message says whether it was done. So a
/// call can be announced as gzip without a price, and the decision taken anew for every message.
/// </remarks>
public sealed class MessageCompression
{
    public const string Encoding = "gzip";

    /// <summary>gzip's own head and tail are 18 bytes, and its tables cost as much time as a kilobyte.</summary>
    private const int MessageBytesMin = 512;

    private readonly LineJudge? _judge;
    private readonly TimeProvider _clock;

    private MessageCompression(LineJudge? judge, TimeProvider clock) => (_judge, _clock) = (judge, clock);

    /// <summary>The compression of a session; null when there is none.</summary>
    /// <param name="line">Of the connection that the session is on; without one only <see cref="CompressionMode.Always"/> compresses.</param>
    public static MessageCompression? Create(CompressionMode mode, LineGauge? line, TimeProvider clock) => mode switch
    {
        CompressionMode.Always => new MessageCompression(judge: null, clock),
        CompressionMode.Auto when line is not null => new MessageCompression(new LineJudge(line.Read, clock), clock),
        _ => null,
    };

    /// <summary>The caller reads gzip: its <c>grpc-accept-encoding</c> says so.</summary>
    internal static bool IsAccepted(Metadata request) => request.All("grpc-accept-encoding")
        .SelectMany(value => value.Split(',', StringSplitOptions.TrimEntries)).Contains(Encoding, StringComparer.Ordinal);

    /// <summary>Messages should be compressed now.</summary>
    internal bool Pays => Level != CompressionLevel.NoCompression;

    private CompressionLevel Level => _judge?.Level() ?? CompressionLevel.Fastest;

    /// <summary>Frames the messages of <paramref name="framed"/> anew, each compressed where that makes it smaller.</summary>
    /// <param name="into">At least as long.</param>
    /// <returns>The length of the result.</returns>
    internal int CompressFramed(ReadOnlySpan<byte> framed, byte[] into)
    {
        var length = 0;
        while (!framed.IsEmpty)
        {
            var end = GrpcMessageReader.PrefixLength + BinaryPrimitives.ReadInt32BigEndian(framed[1..]);
            length += Compress(framed[GrpcMessageReader.PrefixLength..end], into, length);
            framed = framed[end..];
        }

        return length;
    }

    /// <summary>Writes one message with its prefix, compressed if that makes it smaller.</summary>
    /// <returns>How long both are.</returns>
    private int Compress(ReadOnlySpan<byte> message, byte[] into, int at)
    {
        var body = at + GrpcMessageReader.PrefixLength;
        var compressed = message.Length >= MessageBytesMin && Compressibility.IsLikely(message)
            ? Deflate(message, into, body)
            : 0;
        if (compressed == 0)
        {
            message.CopyTo(into.AsSpan(body));
        }

        into[at] = compressed == 0 ? (byte)0 : (byte)1;
        var length = compressed == 0 ? message.Length : compressed;
        BinaryPrimitives.WriteInt32BigEndian(into.AsSpan(at + 1), length);
        return GrpcMessageReader.PrefixLength + length;
    }

    /// <returns>0 when it would be as long as the message.</returns>
    private int Deflate(ReadOnlySpan<byte> message, byte[] into, int at)
    {
        var (level, start) = (Level, _clock.GetTimestamp());
        var sink = new BoundedSink(into, at, message.Length);
        using (var gzip = new GZipStream(sink, level, leaveOpen: true))
        {
            gzip.Write(message);
        }

        _judge?.Worked(level, message.Length, _clock.GetElapsedTime(start));
        return sink.IsFull ? 0 : sink.Written;
    }
}
