using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Slipway.BuildKit.Http2;

namespace Slipway.Bench.Identity;

/// <summary>
/// One HTTP/2 connection that sends prepared calls and times their answers. One thread, blocking calls, no objects per call: what measures a server on
/// the server's own processors must cost next to nothing.
/// </summary>
internal sealed class CallConnection : IDisposable
{
    /// <summary>Kestrel's limit here; more calls than that at a time are not made.</summary>
    private const int OpenMax = 1024;

    private const byte Status200 = 0x88;
    private readonly Socket _socket;
    private readonly byte[] _received = new byte[256 * 1024];
    private readonly ArrayBufferWriter<byte> _unsent = new(64 * 1024);
    private readonly Dictionary<int, long> _begun = new(OpenMax);
    private readonly StringBuilder _refusal = new();
    private int _filled;
    private int _nextStream = 1;

    public CallConnection(IPEndPoint server)
    {
        _socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        _socket.Connect(server);
        _unsent.Write(Http2Frame.ClientPreface);

        // No dynamic table, so that an answer's first byte is its status; and a window that no run uses up.
        var settings = Frame(Http2FrameType.Settings, Http2Flags.None, 2 * Http2Frame.SettingLength);
        Setting(settings, Http2Setting.HeaderTableSize, 0);
        Setting(settings[Http2Frame.SettingLength..], Http2Setting.EnablePush, 0);
        BinaryPrimitives.WriteInt32BigEndian(
            Frame(Http2FrameType.WindowUpdate, Http2Flags.None, Http2Frame.WindowUpdateLength), Http2Frame.WindowBytesLimit - Http2Frame.DefaultWindowBytes);
    }

    /// <summary>How long each answered call took, in <see cref="Stopwatch"/>'s ticks.</summary>
    public List<long> Times { get; } = new(256 * 1024);

    /// <summary>A fixed number of calls at a time, each followed by the next one.</summary>
    public void RunClosed(Func<PreparedCall> next, int atATime, TimeSpan span)
    {
        var end = Stopwatch.GetTimestamp() + Ticks(span);
        while (Stopwatch.GetTimestamp() is var now && (now < end || _begun.Count > 0))
        {
            while (now < end && _begun.Count < atATime)
            {
                Begin(next(), now);
            }

            Send();
            Receive();
        }
    }

    /// <summary>Calls at their times, whether or not earlier ones were answered; a late start counts against the server.</summary>
    public void RunOpen(Func<PreparedCall> next, double perSecond, TimeSpan span)
    {
        var (start, made, all) = (Stopwatch.GetTimestamp(), 0, (int)(perSecond * span.TotalSeconds));
        long Due(int call) => start + (long)(call * Stopwatch.Frequency / perSecond);
        while (made < all || _begun.Count > 0)
        {
            while (made < all && _begun.Count < OpenMax && Due(made) <= Stopwatch.GetTimestamp())
            {
                Begin(next(), Due(made++));
            }

            Send();
            var pause = made < all ? Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), Due(made)) : TimeSpan.FromMilliseconds(100);
            if (_socket.Poll(pause > TimeSpan.Zero ? pause : TimeSpan.Zero, SelectMode.SelectRead))
            {
                Receive();
            }
        }
    }

    public void Dispose() => _socket.Dispose();

    private static long Ticks(TimeSpan span) => (long)(span.TotalSeconds * Stopwatch.Frequency);

    private void Begin(PreparedCall call, long since)
    {
        call.Write(_unsent, _nextStream);
        _begun[_nextStream] = since;
        _nextStream += 2;
    }

    private void Send()
    {
        for (var rest = _unsent.WrittenSpan; rest.Length > 0; rest = rest[_socket.Send(rest)..])
        {
        }

        _unsent.ResetWrittenCount();
    }

    private void Receive()
    {
        var count = _socket.Receive(_received.AsSpan(_filled));
        if (count == 0)
        {
            throw new IOException("the server closed the connection");
        }

        _filled += count;
        var rest = _received.AsSpan(0, _filled);
        while (rest.Length >= Http2Frame.HeaderLength && Http2FrameHeader.Read(rest) is var frame && rest.Length >= Http2Frame.HeaderLength + frame.Length)
        {
            Take(frame, rest.Slice(Http2Frame.HeaderLength, frame.Length));
            rest = rest[(Http2Frame.HeaderLength + frame.Length)..];
        }

        rest.CopyTo(_received);
        _filled = rest.Length;
    }

    private void Take(Http2FrameHeader frame, ReadOnlySpan<byte> payload)
    {
        switch (frame.Type)
        {
            case Http2FrameType.Headers when payload[payload[0] == HpackTableSizeZero ? 1 : 0] != Status200:
                _refusal.Append("the answer's headers are ").AppendJoin(", ", new HpackDecoder(0).Decode(payload));
                break;
            case Http2FrameType.Data when _refusal.Length > 0:
                throw new InvalidOperationException($"{_refusal}: {Encoding.UTF8.GetString(payload)}");
            case Http2FrameType.Settings or Http2FrameType.Ping when !frame.Has(Http2Flags.Ack):
                payload[..(frame.Type == Http2FrameType.Ping ? payload.Length : 0)].CopyTo(
                    Frame(frame.Type, Http2Flags.Ack, frame.Type == Http2FrameType.Ping ? payload.Length : 0));
                break;
            case Http2FrameType.RstStream or Http2FrameType.GoAway:
                throw new IOException($"the server sent {frame.Type}: {Convert.ToHexString(payload)}");
        }

        if (frame.Type is Http2FrameType.Headers or Http2FrameType.Data && frame.Has(Http2Flags.EndStream) && _begun.Remove(frame.StreamId, out var since))
        {
            Times.Add(Stopwatch.GetTimestamp() - since);
        }
    }

    private const byte HpackTableSizeZero = 0x20;

    private static void Setting(Span<byte> destination, Http2Setting setting, int value)
    {
        BinaryPrimitives.WriteUInt16BigEndian(destination, (ushort)setting);
        BinaryPrimitives.WriteInt32BigEndian(destination[2..], value);
    }

    /// <summary>A frame of the connection's own among what is to be sent; its payload is written by the caller.</summary>
    private Span<byte> Frame(Http2FrameType type, Http2Flags flags, int length)
    {
        var whole = _unsent.GetSpan(Http2Frame.HeaderLength + length);
        new Http2FrameHeader(length, type, flags, StreamId: 0).Write(whole);
        _unsent.Advance(Http2Frame.HeaderLength + length);
        return whole.Slice(Http2Frame.HeaderLength, length);
    }
}
