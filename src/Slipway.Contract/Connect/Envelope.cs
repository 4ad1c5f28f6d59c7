using System.Buffers;
using System.Buffers.Binary;

namespace Slipway.Contract.Connect;

/// <summary>One length-prefixed message of a Connect or gRPC stream.</summary>
/// <remarks>
/// <code>
/// flags   1 byte    Connect: bit 0 compressed, bit 1 end of stream. gRPC: bit 0 compressed.
/// length  4 bytes   big-endian, unsigned
/// payload length bytes
/// </code>
/// The two protocols share the frame and differ only in what the flag bits mean, so the bits pass through unread.
/// </remarks>
public readonly record struct Envelope(byte Flags, ReadOnlySequence<byte> Payload)
{
    public const int PrefixLength = 5;
    public const byte Compressed = 1;
    public const byte EndOfStream = 2;

    /// <summary>Takes one whole envelope off the front of <paramref name="input"/>, or takes nothing.</summary>
    /// <exception cref="InvalidDataException">The announced length is over the limit.</exception>
    public static bool TryRead(ref ReadOnlySequence<byte> input, int payloadBytesMax, out Envelope envelope)
    {
        envelope = default;
        var reader = new SequenceReader<byte>(input);
        if (!reader.TryRead(out var flags) || !reader.TryReadBigEndian(out int announced))
        {
            return false;
        }

        // Judged on the announced length, so an oversized message is refused before it is buffered.
        // Unsigned: a length above int.MaxValue arrives here as a negative number.
        if ((uint)announced > (uint)payloadBytesMax)
        {
            throw new InvalidDataException($"the message announces {(uint)announced} bytes; the limit is {payloadBytesMax}");
        }

        if (reader.Remaining < announced)
        {
            return false;
        }

        envelope = new Envelope(flags, input.Slice(reader.Position, announced));
        input = input.Slice(envelope.Payload.End);
        return true;
    }

    /// <summary>Puts the five bytes before a payload of <paramref name="payloadLength"/> bytes.</summary>
    public static void WritePrefix(Span<byte> destination, byte flags, int payloadLength)
    {
        destination[0] = flags;
        BinaryPrimitives.WriteUInt32BigEndian(destination[1..], (uint)payloadLength);
    }

    /// <summary>One whole envelope as bytes.</summary>
    public static byte[] Frame(byte flags, ReadOnlySpan<byte> payload)
    {
        var framed = new byte[PrefixLength + payload.Length];
        WritePrefix(framed, flags, payload.Length);
        payload.CopyTo(framed.AsSpan(PrefixLength));
        return framed;
    }
}
