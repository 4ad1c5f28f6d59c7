using System.Buffers;
using Slipway.BuildKit.Http2;

namespace Slipway.Builder.Proxying;

/// <summary>What becomes of a frame's payload.</summary>
internal enum FrameFate
{
    /// <summary>Passes with its header, in place.</summary>
    Pass,

    /// <summary>Goes to <see cref="ILaneHandler.Take"/> piece by piece; the header is dropped.</summary>
    Take,
}

/// <summary>What a lane asks about the frames that it reads. The client's and the engine's side answer differently.</summary>
internal interface ILaneHandler
{
    /// <summary>A DATA frame begins. <paramref name="header"/> may be rewritten in place, but for its length.</summary>
    FrameFate BeginData(Http2FrameHeader frame, Span<byte> header);

    /// <summary>Wants the payload of the passing DATA frame shown.</summary>
    bool Watches { get; }

    /// <summary>A piece of the payload without padding: of a taken frame, or of a passing one that is watched.</summary>
    void Take(ReadOnlySpan<byte> piece);

    void EndData();

    /// <summary>Any other frame, whole.</summary>
    FrameFate Judge(Http2FrameHeader frame, Span<byte> whole);

    /// <summary>The end of what was read for now.</summary>
    void EndTurn();
}

/// <summary>Reads one peer's frames and passes them into the other peer's sink, without copying where nothing is changed.</summary>
internal sealed class FrameLane(Stream source, FrameSink sink, ILaneHandler handler, bool expectsPreface) : IDisposable
{
    /// <summary>Less room than this at the buffer's end is not worth a read: a TLS record has up to 16 KiB.</summary>
    private const int ReadRoomMin = 32 * 1024;

    private readonly byte[] _buffer = ArrayPool<byte>.Shared.Rent(RelayLimits.ReadBufferBytes);
    private bool _active;
    private bool _prefaceMissing = expectsPreface;
    private int _start;
    private int _filled;
    private int _runStart;
    private int _cut;

    private FrameFate _fate;
    private int _left;
    private int _dataLeft;
    private bool _padLengthMissing;

    /// <summary>The first bytes of a connection have arrived and were HTTP/2.</summary>
    public bool Begun { get; private set; }

    /// <summary>Reads once, and on as long as more is there at once.</summary>
    /// <returns>The read that is under way and must be awaited before the next call; null when there is none.</returns>
    public Task<int>? Gather(CancellationToken cancellation)
    {
        while (_buffer.Length - _filled >= ReadRoomMin)
        {
            var read = source.ReadAsync(_buffer.AsMemory(_filled), cancellation);
            if (!read.IsCompletedSuccessfully)
            {
                return read.AsTask();
            }

            var count = read.Result;
            if (count == 0)
            {
                return Task.FromResult(0);
            }

            _filled += count;
        }

        return null;
    }

    public bool HasUnread => _filled > _start;

    public void Received(int count) => _filled += count;

    /// <summary>Handles all that has been read. Under the relay's lock.</summary>
    /// <exception cref="Http2Exception">The peer broke a rule.</exception>
    public FrameSink.Turn Process()
    {
        _active = true;
        _runStart = _cut = _start;
        try
        {
            var at = _start;
            while (at < _filled && Advance(ref at))
            {
            }

            _start = at;
            handler.EndTurn();
            var run = _buffer.AsMemory(_runStart, at - _runStart);
            return sink.EndTurn(run, midFrame: _left > 0 && _fate == FrameFate.Pass);
        }
        finally
        {
            _active = false;
        }
    }

    /// <summary>After the lent bytes are written: makes room. Only while no read is under way.</summary>
    public void Compact()
    {
        var rest = _filled - _start;
        _buffer.AsSpan(_start, rest).CopyTo(_buffer);
        (_start, _filled) = (0, rest);
    }

    /// <summary>Puts the run so far into the sink, so that other frames can follow it.</summary>
    public void CutRun()
    {
        if (!_active)
        {
            return;
        }

        if (_cut > _runStart)
        {
            sink.Append(_buffer.AsSpan(_runStart, _cut - _runStart));
            sink.MidFrame = false;
            _runStart = _cut;
        }
    }

    public void Dispose() => ArrayPool<byte>.Shared.Return(_buffer);

    private bool Advance(ref int at)
    {
        if (_left > 0)
        {
            Continue(ref at);
            return true;
        }

        if (_prefaceMissing)
        {
            return TakePreface(ref at);
        }

        if (_filled - at < Http2Frame.HeaderLength)
        {
            return false;
        }

        _cut = at;
        if (sink.HasDeferred)
        {
            CutRun();
            sink.AdmitDeferred();
        }

        var frame = Http2FrameHeader.Read(_buffer.AsSpan(at));
        return frame.Type == Http2FrameType.Data ? BeginData(frame, ref at) : TakeWhole(frame, ref at);
    }

    private bool TakePreface(ref int at)
    {
        var preface = Http2Frame.ClientPreface;
        var have = _buffer.AsSpan(at, Math.Min(preface.Length, _filled - at));
        if (!preface.StartsWith(have))
        {
            throw new Http2Exception(Http2ErrorCode.ProtocolError, "The client does not speak HTTP/2.");
        }

        if (have.Length < preface.Length)
        {
            return false;
        }

        _prefaceMissing = false;
        at += preface.Length;
        return true;
    }

    private bool BeginData(Http2FrameHeader frame, ref int at)
    {
        _fate = handler.BeginData(frame, _buffer.AsSpan(at, Http2Frame.HeaderLength));
        at += Http2Frame.HeaderLength;
        _left = _dataLeft = frame.Length;
        _padLengthMissing = frame.Has(Http2Flags.Padded);
        if (_padLengthMissing && frame.Length == 0)
        {
            throw new Http2Exception(Http2ErrorCode.FrameSizeError, "The peer sent a padded frame without room for padding.");
        }

        if (_fate == FrameFate.Take)
        {
            CutRun();
            _runStart = _cut = at;
        }

        if (_left == 0)
        {
            End(at);
        }

        return true;
    }

    private void Continue(ref int at)
    {
        var count = Math.Min(_left, _filled - at);
        if (_fate == FrameFate.Take || handler.Watches)
        {
            Show(_buffer.AsSpan(at, count));
        }

        at += count;
        _left -= count;
        if (_fate == FrameFate.Take)
        {
            _runStart = _cut = at;
        }

        if (_left == 0)
        {
            End(at);
        }
    }

    private void End(int at)
    {
        _cut = at;
        handler.EndData();
    }

    private void Show(ReadOnlySpan<byte> piece)
    {
        if (_padLengthMissing)
        {
            _padLengthMissing = false;
            _dataLeft = _left - 1 - piece[0];
            if (_dataLeft < 0)
            {
                throw new Http2Exception(Http2ErrorCode.ProtocolError, "The peer sent more padding than its frame holds.");
            }

            piece = piece[1..];
        }

        piece = piece[..Math.Min(piece.Length, _dataLeft)];
        _dataLeft -= piece.Length;
        if (piece.Length > 0)
        {
            handler.Take(piece);
        }
    }

    private bool TakeWhole(Http2FrameHeader frame, ref int at)
    {
        var length = Http2Frame.HeaderLength + frame.Length;
        if (length > RelayLimits.ReadBufferBytes - ReadRoomMin)
        {
            throw new Http2Exception(Http2ErrorCode.FrameSizeError, $"The peer sent a {frame.Type} frame of {frame.Length} bytes.");
        }

        if (_filled - at < length)
        {
            return false;
        }

        Begun = true;
        var fate = handler.Judge(frame, _buffer.AsSpan(at, length));
        at += length;
        if (fate == FrameFate.Take)
        {
            CutRun();
            _runStart = at;
        }

        _cut = at;
        return true;
    }
}
