using System.Buffers;
using System.Buffers.Binary;
using System.IO.Compression;
using System.Runtime.CompilerServices;
using Slipway.BuildKit.Http2;

namespace Slipway.BuildKit.Grpc;

/// <summary>Takes length-prefixed messages off a stream.</summary>
/// <remarks>
/// | bytes | field |
/// | 1 | 0, or 1 for a message compressed as <c>grpc-encoding</c> says |
/// | 4 | length, big-endian |
/// | length | message |
/// </remarks>
internal sealed class GrpcMessageReader(Http2Stream stream, int bytesMax)
{
    public const int PrefixLength = 5;

    private const int None = -1;

    // The prefix of a message whose body is still to come: a cancelled read goes on where it stopped.
    private int _length = None;
    private bool _compressed;

    /// <summary>The peer's <c>grpc-encoding</c>.</summary>
    public string? Encoding { get; set; }

    /// <summary>The next message; null when the peer has ended between two messages.</summary>
    /// <exception cref="GrpcStatusException">The message is cut, too large, or in an unknown encoding.</exception>
    /// <exception cref="Http2Exception">The stream or the connection broke.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<GrpcMessage?> ReadAsync(CancellationToken cancellation)
    {
        if (_length == None)
        {
            var there = await stream.WaitAsync(PrefixLength, cancellation);
            if (there < PrefixLength)
            {
                return there == 0 ? null : throw Cut();
            }

            ReadPrefix();
        }

        if (await stream.WaitAsync(_length, cancellation) < _length)
        {
            throw Cut();
        }

        var message = Take(_length);
        _length = None;
        return _compressed ? Inflate(message) : message;
    }

    private void ReadPrefix()
    {
        Span<byte> prefix = stackalloc byte[PrefixLength];
        stream.Read(prefix);

        // Judged before a byte of the message is waited for.
        var length = BinaryPrimitives.ReadUInt32BigEndian(prefix[1..]);
        if (length > (uint)bytesMax)
        {
            throw new GrpcStatusException(
                GrpcStatusCode.ResourceExhausted, $"The peer announced a message of {length} bytes; the limit is {bytesMax}.");
        }

        _compressed = prefix[0] == 1;
        if (prefix[0] > 1 || (_compressed && Encoding != "gzip"))
        {
            throw new GrpcStatusException(
                GrpcStatusCode.Internal, $"The peer sent a message with flags {prefix[0]} and encoding {Encoding ?? "identity"}, which this side cannot read.");
        }

        _length = (int)length;
    }

    private GrpcMessage Take(int length)
    {
        if (length == 0)
        {
            return new GrpcMessage(ReadOnlySequence<byte>.Empty);
        }

        var first = stream.Take(length);
        if (first.Length == length)
        {
            return new GrpcMessage(new ReadOnlySequence<byte>(first.Memory), first.Block);
        }

        var chain = new MessageChain(first);
        for (var left = length - first.Length; left > 0;)
        {
            var slice = stream.Take(left);
            chain.Append(slice);
            left -= slice.Length;
        }

        return new GrpcMessage(chain.ToSequence(), chain);
    }

    private GrpcMessage Inflate(GrpcMessage message)
    {
        using var compressed = new MemoryStream(message.Payload.ToArray(), writable: false);
        message.Dispose();
        using var gzip = new GZipStream(compressed, CompressionMode.Decompress);
        var output = new ArrayBufferWriter<byte>();
        try
        {
            while (gzip.Read(output.GetSpan(16 * 1024)) is var read and > 0)
            {
                output.Advance(read);
                if (output.WrittenCount > bytesMax)
                {
                    throw new GrpcStatusException(
                        GrpcStatusCode.ResourceExhausted, $"The peer sent a compressed message that is larger than {bytesMax} bytes.");
                }
            }
        }
        catch (InvalidDataException damaged)
        {
            throw new GrpcStatusException(GrpcStatusCode.Internal, "The peer sent a message that is no valid gzip.", details: null, damaged);
        }

        return new GrpcMessage(new ReadOnlySequence<byte>(output.WrittenMemory));
    }

    private static GrpcStatusException Cut() =>
        new(GrpcStatusCode.Internal, "The peer ended the call in the middle of a message.");
}

/// <summary>A message that arrived in several slices, and its claim on their blocks.</summary>
internal sealed class MessageChain : IDisposable
{
    private readonly Segment _first;
    private Segment _last;

    public MessageChain(ReceivedSlice first) => _first = _last = new Segment(first, previous: null);

    public void Append(ReceivedSlice slice) => _last = new Segment(slice, _last);

    public ReadOnlySequence<byte> ToSequence() => new(_first, 0, _last, _last.Memory.Length);

    public void Dispose()
    {
        for (var segment = _first; segment is not null; segment = (Segment?)segment.Next)
        {
            segment.Block.Dispose();
        }
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReceivedSlice slice, Segment? previous)
        {
            Block = slice.Block;
            Memory = slice.Memory;
            if (previous is not null)
            {
                RunningIndex = previous.RunningIndex + previous.Memory.Length;
                previous.Next = this;
            }
        }

        public ReceiveBlock Block { get; }
    }
}
