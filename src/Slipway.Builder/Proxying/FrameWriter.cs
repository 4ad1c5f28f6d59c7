using System.Buffers.Binary;
using System.Text;
using Slipway.BuildKit.Http2;

namespace Slipway.Builder.Proxying;

/// <summary>Writes the frames that the relay makes itself.</summary>
internal static class FrameWriter
{
    public static void Data(ByteBuffer output, int streamId, ReadOnlySpan<byte> payload, bool endStream)
    {
        Header(output, payload.Length, Http2FrameType.Data, endStream ? Http2Flags.EndStream : Http2Flags.None, streamId);
        output.Append(payload);
    }

    /// <summary>A header block, split over CONTINUATIONs where it is larger than one frame.</summary>
    public static void Headers(ByteBuffer output, int streamId, ReadOnlySpan<byte> block, bool endStream)
    {
        var type = Http2FrameType.Headers;
        var flags = endStream ? Http2Flags.EndStream : Http2Flags.None;
        while (true)
        {
            var part = block[..Math.Min(block.Length, RelayLimits.OwnFramePayloadBytes)];
            block = block[part.Length..];
            Header(output, part.Length, type, block.IsEmpty ? flags | Http2Flags.EndHeaders : flags, streamId);
            output.Append(part);
            if (block.IsEmpty)
            {
                return;
            }

            (type, flags) = (Http2FrameType.Continuation, Http2Flags.None);
        }
    }

    public static void WindowUpdate(ByteBuffer output, int streamId, long increment)
    {
        Header(output, Http2Frame.WindowUpdateLength, Http2FrameType.WindowUpdate, Http2Flags.None, streamId);
        Number(output, (uint)increment);
    }

    public static void Reset(ByteBuffer output, int streamId, uint code)
    {
        Header(output, Http2Frame.RstStreamLength, Http2FrameType.RstStream, Http2Flags.None, streamId);
        Number(output, code);
    }

    public static void GoAway(ByteBuffer output, int lastStreamId, uint code, ReadOnlySpan<byte> debug)
    {
        Header(output, Http2Frame.GoAwayLength + debug.Length, Http2FrameType.GoAway, Http2Flags.None, 0);
        Number(output, (uint)lastStreamId);
        Number(output, code);
        output.Append(debug);
    }

    public static void GoAway(ByteBuffer output, int lastStreamId, Http2ErrorCode code, string debug) =>
        GoAway(output, lastStreamId, (uint)code, Encoding.UTF8.GetBytes(debug));

    public static void Settings(ByteBuffer output, IReadOnlyList<(Http2Setting Name, uint Value)> settings)
    {
        Header(output, settings.Count * Http2Frame.SettingLength, Http2FrameType.Settings, Http2Flags.None, 0);
        foreach (var (name, value) in settings)
        {
            BinaryPrimitives.WriteUInt16BigEndian(output.GetSpan(2), (ushort)name);
            output.Advance(2);
            Number(output, value);
        }
    }

    private static void Header(ByteBuffer output, int length, Http2FrameType type, Http2Flags flags, int streamId)
    {
        new Http2FrameHeader(length, type, flags, streamId).Write(output.GetSpan(Http2Frame.HeaderLength));
        output.Advance(Http2Frame.HeaderLength);
    }

    private static void Number(ByteBuffer output, uint value)
    {
        BinaryPrimitives.WriteUInt32BigEndian(output.GetSpan(4), value);
        output.Advance(4);
    }
}
