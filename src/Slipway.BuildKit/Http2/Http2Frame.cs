using System.Buffers.Binary;

namespace Slipway.BuildKit.Http2;

/// <summary>Frame types (RFC 9113 §6).</summary>
public enum Http2FrameType : byte
{
    Data = 0x0,
    Headers = 0x1,
    Priority = 0x2,
    RstStream = 0x3,
    Settings = 0x4,
    PushPromise = 0x5,
    Ping = 0x6,
    GoAway = 0x7,
    WindowUpdate = 0x8,
    Continuation = 0x9,
}

/// <summary>Frame flags. Two names share a bit: which one is meant follows from the frame's type.</summary>
[Flags]
public enum Http2Flags : byte
{
    None = 0,
    EndStream = 0x1,
    Ack = EndStream,
    EndHeaders = 0x4,
    Padded = 0x8,
    Priority = 0x20,
}

/// <summary>Settings (RFC 9113 §6.5.2).</summary>
public enum Http2Setting : ushort
{
    HeaderTableSize = 0x1,
    EnablePush = 0x2,
    MaxConcurrentStreams = 0x3,
    InitialWindowSize = 0x4,
    MaxFrameSize = 0x5,
    MaxHeaderListSize = 0x6,
}

/// <summary>Sizes and fixed bytes that every HTTP/2 connection shares.</summary>
public static class Http2Frame
{
    public const int HeaderLength = 9;

    /// <summary>The largest frame a peer accepts before its SETTINGS say otherwise (RFC 9113 §6.5.2).</summary>
    public const int DefaultPayloadBytesMax = 16384;

    /// <summary>The largest value SETTINGS_MAX_FRAME_SIZE may have.</summary>
    public const int PayloadBytesLimit = (1 << 24) - 1;

    /// <summary>Every flow-control window before SETTINGS and WINDOW_UPDATE.</summary>
    public const int DefaultWindowBytes = 65535;

    /// <summary>No window may grow beyond this (RFC 9113 §6.9.1).</summary>
    public const int WindowBytesLimit = int.MaxValue;

    public const int DefaultHeaderTableBytes = 4096;
    public const int SettingLength = 6;
    public const int PingLength = 8;
    public const int WindowUpdateLength = 4;
    public const int RstStreamLength = 4;
    public const int PriorityLength = 5;

    /// <summary>Last stream id and error code; debug data may follow.</summary>
    public const int GoAwayLength = 8;

    /// <summary>The first bytes a client sends (RFC 9113 §3.4).</summary>
    public static ReadOnlySpan<byte> ClientPreface => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8;
}

/// <summary>The nine bytes before every frame's payload.</summary>
/// <remarks>
/// | bytes | field |
/// | 3 | payload length |
/// | 1 | type |
/// | 1 | flags |
/// | 4 | reserved bit (ignored), stream id (31 bits) |
/// </remarks>
public readonly record struct Http2FrameHeader(int Length, Http2FrameType Type, Http2Flags Flags, int StreamId)
{
    /// <summary>Reads the first <see cref="Http2Frame.HeaderLength"/> bytes of <paramref name="source"/>.</summary>
    public static Http2FrameHeader Read(ReadOnlySpan<byte> source) => new(
        (source[0] << 16) | (source[1] << 8) | source[2],
        (Http2FrameType)source[3],
        (Http2Flags)source[4],
        (int)(BinaryPrimitives.ReadUInt32BigEndian(source[5..]) & 0x7fffffff));

    public void Write(Span<byte> destination)
    {
        destination[0] = (byte)(Length >> 16);
        destination[1] = (byte)(Length >> 8);
        destination[2] = (byte)Length;
        destination[3] = (byte)Type;
        destination[4] = (byte)Flags;
        BinaryPrimitives.WriteInt32BigEndian(destination[5..], StreamId);
    }

    public bool Has(Http2Flags flag) => (Flags & flag) != 0;
}
