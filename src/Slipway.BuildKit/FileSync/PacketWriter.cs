using System.Buffers;
using System.Buffers.Binary;
using Slipway.BuildKit.Grpc;

namespace Slipway.BuildKit.FileSync;

/// <summary>Encodes packets into one buffer, each already framed as a gRPC message, so that hundreds of them cost one write.</summary>
/// <remarks>
/// One buffer fills while the other is sent. Not safe for several threads; every task of a transfer has its own.
/// <para>A gRPC message: flags 1 byte (0, not compressed), big-endian length 4 bytes, then the packet (fields: <see cref="Packet"/>).</para>
/// Zero and empty fields are left out, as proto3 does it.
/// </remarks>
internal sealed class PacketWriter(IGrpcStream stream, int capacityBytes, Action<long>? sent = null) : IAsyncDisposable
{
    private const int FrameBytes = 5;

    // Frame 5, type 2, ID at most 6, data tag 1, data length at most 5.
    private const int DataHeadBytesMax = 19;

    private byte[] _filling = ArrayPool<byte>.Shared.Rent(capacityBytes);
    private byte[] _spare = ArrayPool<byte>.Shared.Rent(capacityBytes);
    private int _length;
    private Task _sending = Task.CompletedTask;

    /// <summary>Bytes that may still be added before the buffer is full.</summary>
    public int Room => Math.Max(0, capacityBytes - _length);

    public bool IsEmpty => _length == 0;

    /// <summary>Adds one attribute to an encoded list: field 10 of Stat, a map entry with key 1 and value 2.</summary>
    public static void AppendXattr(List<byte> encoded, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        var body = TextBytes(key.Length) + TextBytes(value.Length);
        var field = new byte[1 + VarintBytes((uint)body) + body];
        var at = 0;
        field[at++] = 0x52;
        at += WriteVarint(field.AsSpan(at), (uint)body);
        at += WriteText(field.AsSpan(at), 0x0A, key);
        WriteText(field.AsSpan(at), 0x12, value);
        encoded.AddRange(field);
    }

    /// <summary>STAT of one entry. Owner and group stay 0, as every client sends a build context.</summary>
    /// <param name="hardLink">The first sent name of the same file; empty when this is the first.</param>
    public void AppendStat(WalkEntry walked, ReadOnlySpan<byte> hardLink)
    {
        ref var entry = ref walked.Entry;
        var link = entry.LinkLength > 0 ? walked.Link : hardLink;
        var parent = walked.Parent.Path;
        var name = walked.Name;
        var path = parent.Length == 0 ? name.Length : parent.Length + 1 + name.Length;
        var xattrs = entry.Xattrs ?? [];
        var isDevice = (entry.Mode & GoFileMode.Device) != 0;
        var major = isDevice ? entry.SpecialMajor : 0;
        var minor = isDevice ? entry.SpecialMinor : 0;
        var stat = TextBytes(path) + NumberBytes(entry.Mode) + NumberBytes((ulong)entry.Size) + NumberBytes((ulong)entry.ModTime)
            + TextBytes(link.Length) + NumberBytes(major) + NumberBytes(minor) + xattrs.Length;
        var at = Begin(1 + VarintBytes((uint)stat) + stat);
        at = WriteHead(at, 0x12, stat);
        at = WriteHead(at, 0x0A, path);
        if (parent.Length > 0)
        {
            parent.CopyTo(_filling, at);
            at += parent.Length;
            _filling[at++] = (byte)'/';
        }

        name.CopyTo(_filling.AsSpan(at));
        at += name.Length;
        at = WriteNumber(at, 0x10, entry.Mode);
        at = WriteNumber(at, 0x28, (ulong)entry.Size);
        at = WriteNumber(at, 0x30, (ulong)entry.ModTime);
        at += WriteText(_filling.AsSpan(at), 0x3A, link);
        at = WriteNumber(at, 0x40, major);
        at = WriteNumber(at, 0x48, minor);
        xattrs.CopyTo(_filling, at);
    }

    /// <summary>STAT of nothing: the walk has ended.</summary>
    public void AppendEndOfWalk() => Begin(0);

    public void AppendRequest(uint id) => AppendEmpty(PacketType.Request, id);

    /// <summary>DATA without data: the end of a file.</summary>
    public void AppendEndOfFile(uint id) => AppendEmpty(PacketType.Data, id);

    public void AppendFinish() => AppendEmpty(PacketType.Finish, 0);

    public void AppendError(ReadOnlySpan<byte> message)
    {
        var at = Begin(2 + TextBytes(message.Length));
        _filling[at++] = 0x08;
        _filling[at++] = (byte)PacketType.Error;
        WriteText(_filling.AsSpan(at), 0x22, message);
    }

    /// <summary>A place to read file content into; <see cref="CommitData"/> puts the packet's head before it.</summary>
    /// <param name="bytes">How much is expected; a commit of another length moves the content.</param>
    public Span<byte> ReserveData(uint id, int bytes)
    {
        Grow(DataHeadBytesMax + bytes);
        return _filling.AsSpan(_length + DataHeadBytes(id, bytes), bytes);
    }

    public void CommitData(uint id, int reserved, int bytes)
    {
        var from = _length + DataHeadBytes(id, reserved);
        var head = DataHeadBytes(id, bytes);
        if (_length + head != from)
        {
            _filling.AsSpan(from, bytes).CopyTo(_filling.AsSpan(_length + head));
        }

        var at = Begin(head - FrameBytes + bytes);
        _filling[at++] = 0x08;
        _filling[at++] = (byte)PacketType.Data;
        at = WriteNumber(at, 0x18, id);
        WriteHead(at, 0x22, bytes);
    }

    /// <summary>Starts sending what has gathered, once the write before it is done. The next packets go into the other buffer.</summary>
    public async ValueTask FlushAsync(CancellationToken cancellation)
    {
        if (_length == 0)
        {
            return;
        }

        await _sending;
        var length = _length;
        (_filling, _spare) = (_spare, _filling);
        _length = 0;
        _sending = stream.WriteFramedAsync(_spare.AsMemory(0, length), cancellation).AsTask();
        sent?.Invoke(length);
    }

    /// <summary>Flushes and waits until the stream has taken everything.</summary>
    public async ValueTask DrainAsync(CancellationToken cancellation)
    {
        await FlushAsync(cancellation);
        await _sending;
    }

    public async ValueTask DisposeAsync()
    {
        // The write may still read the buffer: it is returned only behind it. Its error has been seen by whoever awaited it, or the transfer has failed already.
        await _sending.ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        ArrayPool<byte>.Shared.Return(_filling);
        ArrayPool<byte>.Shared.Return(_spare);
        _filling = _spare = [];
        _length = 0;
    }

    private static int DataHeadBytes(uint id, int bytes) => FrameBytes + 2 + NumberBytes(id) + 1 + VarintBytes((uint)bytes);

    private static int VarintBytes(ulong value) => (70 - System.Numerics.BitOperations.LeadingZeroCount(value | 1)) / 7;

    private static int NumberBytes(ulong value) => value == 0 ? 0 : 1 + VarintBytes(value);

    private static int TextBytes(int length) => length == 0 ? 0 : 1 + VarintBytes((uint)length) + length;

    private static int WriteVarint(Span<byte> to, ulong value)
    {
        var at = 0;
        while (value >= 0x80)
        {
            to[at++] = (byte)(value | 0x80);
            value >>= 7;
        }

        to[at++] = (byte)value;
        return at;
    }

    private static int WriteText(Span<byte> to, byte tag, ReadOnlySpan<byte> text)
    {
        if (text.IsEmpty)
        {
            return 0;
        }

        to[0] = tag;
        var at = 1 + WriteVarint(to[1..], (uint)text.Length);
        text.CopyTo(to[at..]);
        return at + text.Length;
    }

    private void AppendEmpty(PacketType type, uint id)
    {
        var at = Begin(2 + NumberBytes(id));
        _filling[at++] = 0x08;
        _filling[at++] = (byte)type;
        WriteNumber(at, 0x18, id);
    }

    /// <summary>Frames a packet of that size at the end of the buffer; returns where the packet begins.</summary>
    private int Begin(int bytes)
    {
        Grow(FrameBytes + bytes);
        _filling[_length] = 0;
        BinaryPrimitives.WriteInt32BigEndian(_filling.AsSpan(_length + 1), bytes);
        var at = _length + FrameBytes;
        _length = at + bytes;
        return at;
    }

    private int WriteHead(int at, byte tag, int length)
    {
        _filling[at++] = tag;
        return at + WriteVarint(_filling.AsSpan(at), (uint)length);
    }

    private int WriteNumber(int at, byte tag, ulong value)
    {
        if (value == 0)
        {
            return at;
        }

        _filling[at++] = tag;
        return at + WriteVarint(_filling.AsSpan(at), value);
    }

    private void Grow(int bytes)
    {
        if (_length + bytes <= _filling.Length)
        {
            return;
        }

        var larger = ArrayPool<byte>.Shared.Rent(Math.Max(_filling.Length * 2, _length + bytes));
        _filling.AsSpan(0, _length).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_filling);
        _filling = larger;
    }
}
