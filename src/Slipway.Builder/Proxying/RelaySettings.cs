using System.Buffers.Binary;
using Slipway.BuildKit.Http2;

namespace Slipway.Builder.Proxying;

/// <summary>What one peer has announced, and what of it the other peer gets to see.</summary>
/// <remarks>Each SETTINGS frame passes as one frame, even when nothing of it is left, because its acknowledgement passes too.</remarks>
internal sealed class RelaySettings(bool fromEngine)
{
    private const ushort EnableConnectProtocol = 0x8;

    private bool _first = true;

    /// <summary>The window that the peer gives every new stream.</summary>
    public long InitialWindow { get; private set; } = Http2Frame.DefaultWindowBytes;

    /// <summary>Reads one SETTINGS payload.</summary>
    /// <param name="windowChange">By how much the windows of open streams move.</param>
    /// <returns>The settings for the other peer.</returns>
    public List<(Http2Setting Name, uint Value)> Take(ReadOnlySpan<byte> payload, out long windowChange)
    {
        if (payload.Length % Http2Frame.SettingLength != 0)
        {
            throw new Http2Exception(Http2ErrorCode.FrameSizeError, "The peer sent a SETTINGS frame that ends inside a setting.");
        }

        var before = InitialWindow;
        var passed = new List<(Http2Setting Name, uint Value)>();
        var streamsLimited = false;
        for (; payload.Length > 0; payload = payload[Http2Frame.SettingLength..])
        {
            var name = (Http2Setting)BinaryPrimitives.ReadUInt16BigEndian(payload);
            var value = BinaryPrimitives.ReadUInt32BigEndian(payload[2..]);
            streamsLimited |= name == Http2Setting.MaxConcurrentStreams;
            if (Passed(name, value) is { } kept)
            {
                passed.Add((name, kept));
            }
        }

        if (_first)
        {
            Complete(passed, streamsLimited);
            _first = false;
        }

        windowChange = InitialWindow - before;
        return passed;
    }

    /// <summary>The first frame of a side also carries what the relay wants even if the peer is silent about it.</summary>
    private void Complete(List<(Http2Setting Name, uint Value)> passed, bool streamsLimited)
    {
        if (fromEngine && !streamsLimited)
        {
            passed.Add((Http2Setting.MaxConcurrentStreams, RelayLimits.ConcurrentStreamsMax));
        }
        else if (!fromEngine)
        {
            passed.Add((Http2Setting.EnablePush, 0));
        }
    }

    private uint? Passed(Http2Setting name, uint value)
    {
        switch (name)
        {
            // Each hop has header tables of its own: the relay's decoders keep the default size, its encoder uses none.
            case Http2Setting.HeaderTableSize:
            // No push towards clients: the relay says so itself. A server has no say in it.
            case Http2Setting.EnablePush:
            case (Http2Setting)EnableConnectProtocol:
                return null;
            case Http2Setting.MaxConcurrentStreams when fromEngine:
                return Math.Min(value, RelayLimits.ConcurrentStreamsMax);
            case Http2Setting.InitialWindowSize when value > Http2Frame.WindowBytesLimit:
                throw new Http2Exception(Http2ErrorCode.FlowControlError, $"The peer announced a window of {value} bytes.");
            case Http2Setting.InitialWindowSize:
                InitialWindow = value;
                return value;
            case Http2Setting.MaxFrameSize when value is < Http2Frame.DefaultPayloadBytesMax or > Http2Frame.PayloadBytesLimit:
                throw new Http2Exception(Http2ErrorCode.ProtocolError, $"The peer announced frames of {value} bytes.");
            default:
                return value;
        }
    }
}
