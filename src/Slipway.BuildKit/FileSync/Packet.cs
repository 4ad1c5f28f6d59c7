using System.Buffers;
using System.Text;

namespace Slipway.BuildKit.FileSync;

internal enum PacketType : byte
{
    Stat = 0,
    Request = 1,
    Data = 2,
    Finish = 3,
    Error = 4,
}

/// <summary>One received message of fsutil's protocol. Valid as long as the message it was read from.</summary>
/// <remarks>
/// fsutil.types.Packet:
/// <code>
/// type 1 enum    STAT 0, REQ 1, DATA 2, FIN 3, ERR 4
/// stat 2 Stat    in STAT; absent at the end of the walk
/// ID   3 uint32  in REQ and DATA: the index of the file among the STATs
/// data 4 bytes   in DATA: content, empty at the end of the file; in ERR: text
/// </code>
/// </remarks>
internal readonly struct Packet
{
    public PacketType Type { get; private init; }

    public uint Id { get; private init; }

    /// <summary>The encoded Stat, or null.</summary>
    public ReadOnlySequence<byte>? Stat { get; private init; }

    public ReadOnlySequence<byte> Data { get; private init; }

    /// <exception cref="InvalidDataException">The bytes are no packet.</exception>
    public static Packet Read(in ReadOnlySequence<byte> message)
    {
        var reader = new WireReader(message);
        uint type = 0;
        uint id = 0;
        ReadOnlySequence<byte>? stat = null;
        ReadOnlySequence<byte> data = default;
        while (reader.TryReadTag(out var tag))
        {
            switch (tag)
            {
                case 0x08:
                    type = (uint)reader.ReadVarint();
                    break;
                case 0x12:
                    stat = reader.ReadBytes();
                    break;
                case 0x18:
                    id = (uint)reader.ReadVarint();
                    break;
                case 0x22:
                    data = reader.ReadBytes();
                    break;
                default:
                    reader.Skip(tag);
                    break;
            }
        }

        return type <= (uint)PacketType.Error
            ? new Packet { Type = (PacketType)type, Id = id, Stat = stat, Data = data }
            : throw new InvalidDataException($"a file sync packet has the unknown type {type}");
    }

    /// <summary>The text of an ERR packet.</summary>
    public string ErrorText() => Encoding.UTF8.GetString(Data);
}

/// <summary>One received entry.</summary>
/// <remarks>
/// fsutil.types.Stat:
/// <code>
/// path     1 string  relative, clean, '/' between names; bytes that need not be UTF-8
/// mode     2 uint32  Go's os.FileMode
/// uid      3 uint32
/// gid      4 uint32
/// size     5 int64
/// modTime  6 int64   nanoseconds since 1970
/// linkname 7 string  a symbolic link's target; of a regular file: the path it is a hard link to
/// devmajor 8 int64
/// devminor 9 int64
/// xattrs  10 map     string to bytes
/// </code>
/// </remarks>
internal sealed class FileStat
{
    public byte[] Path { get; private set; } = [];

    public uint Mode { get; private set; }

    public uint Uid { get; private set; }

    public uint Gid { get; private set; }

    public long Size { get; private set; }

    public long ModTime { get; private set; }

    public byte[] Linkname { get; private set; } = [];

    public long DevMajor { get; private set; }

    public long DevMinor { get; private set; }

    public List<(byte[] Key, byte[] Value)>? Xattrs { get; private set; }

    /// <exception cref="InvalidDataException">The bytes are no Stat.</exception>
    public static FileStat Read(in ReadOnlySequence<byte> message)
    {
        var stat = new FileStat();
        var reader = new WireReader(message);
        while (reader.TryReadTag(out var tag))
        {
            stat.ReadField(tag, ref reader);
        }

        return stat;
    }

    private void ReadField(uint tag, ref WireReader reader)
    {
        switch (tag)
        {
            case 0x0A:
                Path = reader.ReadBytes().ToArray();
                break;
            case 0x10:
                Mode = (uint)reader.ReadVarint();
                break;
            case 0x18:
                Uid = (uint)reader.ReadVarint();
                break;
            case 0x20:
                Gid = (uint)reader.ReadVarint();
                break;
            case 0x28:
                Size = (long)reader.ReadVarint();
                break;
            case 0x30:
                ModTime = (long)reader.ReadVarint();
                break;
            case 0x3A:
                Linkname = reader.ReadBytes().ToArray();
                break;
            case 0x40:
                DevMajor = (long)reader.ReadVarint();
                break;
            case 0x48:
                DevMinor = (long)reader.ReadVarint();
                break;
            case 0x52:
                (Xattrs ??= []).Add(ReadXattr(reader.ReadBytes()));
                break;
            default:
                reader.Skip(tag);
                break;
        }
    }

    private static (byte[] Key, byte[] Value) ReadXattr(in ReadOnlySequence<byte> entry)
    {
        byte[] key = [];
        byte[] value = [];
        var reader = new WireReader(entry);
        while (reader.TryReadTag(out var tag))
        {
            switch (tag)
            {
                case 0x0A:
                    key = reader.ReadBytes().ToArray();
                    break;
                case 0x12:
                    value = reader.ReadBytes().ToArray();
                    break;
                default:
                    reader.Skip(tag);
                    break;
            }
        }

        return (key, value);
    }
}

/// <summary>Reads protobuf's wire format and refuses what overruns its message.</summary>
internal ref struct WireReader(in ReadOnlySequence<byte> message)
{
    private SequenceReader<byte> _reader = new(message);

    public bool TryReadTag(out uint tag)
    {
        tag = _reader.End ? 0 : (uint)ReadVarint();
        return tag != 0;
    }

    public ulong ReadVarint()
    {
        ulong value = 0;
        for (var shift = 0; shift < 70; shift += 7)
        {
            if (!_reader.TryRead(out var part))
            {
                throw Truncated();
            }

            value |= (ulong)(part & 0x7F) << shift;
            if (part < 0x80)
            {
                return value;
            }
        }

        throw new InvalidDataException("a message from the engine holds a number of more than ten bytes");
    }

    public ReadOnlySequence<byte> ReadBytes()
    {
        var length = ReadVarint();
        return length <= (ulong)_reader.Remaining && _reader.TryReadExact((int)length, out var bytes) ? bytes : throw Truncated();
    }

    /// <summary>Passes over the field whose tag was just read.</summary>
    public void Skip(uint tag)
    {
        switch (tag & 7)
        {
            case 0:
                ReadVarint();
                break;
            case 1:
                Advance(8);
                break;
            case 2:
                ReadBytes();
                break;
            case 5:
                Advance(4);
                break;
            default:
                throw new InvalidDataException($"a message from the engine holds a field of the unknown wire type {tag & 7}");
        }
    }

    private void Advance(int bytes)
    {
        if (_reader.Remaining < bytes)
        {
            throw Truncated();
        }

        _reader.Advance(bytes);
    }

    private static InvalidDataException Truncated() => new("a message from the engine ends in the middle of a field");
}
