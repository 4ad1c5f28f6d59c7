using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;

namespace Slipway.Builder.Records;

/// <summary>How one record lies in a spool's segment.</summary>
/// <remarks>
/// <code>
/// offset  size  field
/// 0       4     length of the payload, little-endian
/// 4       4     CRC-32C of the payload, little-endian
/// 8       n     slipway.fleet.v1.Record
/// </code>
/// </remarks>
internal static class SpoolFrame
{
    public const int HeadLength = 8;

    /// <summary>Far above any record (a log line ends at 64 KiB), far below what a torn length could announce.</summary>
    public const int PayloadBytesMax = 4 * 1024 * 1024;

    /// <summary>Fills in the head of a frame whose payload is in place.</summary>
    public static void Seal(Span<byte> frame)
    {
        BinaryPrimitives.WriteInt32LittleEndian(frame, frame.Length - HeadLength);
        BinaryPrimitives.WriteUInt32LittleEndian(frame[4..], Checksum(frame[HeadLength..]));
    }

    /// <summary>Reads the next frame; false at the end, and at anything that is not a whole frame.</summary>
    public static bool TryRead(Stream file, out byte[] payload)
    {
        payload = [];
        Span<byte> head = stackalloc byte[HeadLength];
        if (file.ReadAtLeast(head, HeadLength, throwOnEndOfStream: false) < HeadLength)
        {
            return false;
        }

        var length = BinaryPrimitives.ReadInt32LittleEndian(head);
        // An empty payload would be a record without a number; a run of zeros, as a power cut leaves them, looks like that.
        if (length is <= 0 or > PayloadBytesMax)
        {
            return false;
        }

        payload = new byte[length];
        return file.ReadAtLeast(payload, length, throwOnEndOfStream: false) == length
            && Checksum(payload) == BinaryPrimitives.ReadUInt32LittleEndian(head[4..]);
    }

    private static uint Checksum(ReadOnlySpan<byte> payload)
    {
        var crc = uint.MaxValue;
        foreach (var word in MemoryMarshal.Cast<byte, ulong>(payload))
        {
            crc = BitOperations.Crc32C(crc, word);
        }

        foreach (var single in payload[(payload.Length & ~7)..])
        {
            crc = BitOperations.Crc32C(crc, single);
        }

        return ~crc;
    }
}
