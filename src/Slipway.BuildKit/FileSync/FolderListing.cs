namespace Slipway.BuildKit.FileSync;

/// <summary>A folder on the way of a walk.</summary>
internal sealed class WalkFolder(byte[] path, FolderMatches matches, bool isSkipped)
{
    /// <summary>Relative to the root, without a closing NUL; empty for the root.</summary>
    public byte[] Path { get; } = path;

    public FolderMatches Matches { get; } = matches;

    /// <summary>The filter does not send this folder for its own sake.</summary>
    public bool IsSkipped { get; } = isSkipped;

    public bool IsSent { get; set; } = path.Length == 0;

    /// <summary>The number that the sender's path table gave this folder, or -1.</summary>
    public int TableIndex { get; set; } = -1;
}

/// <summary>One entry of a folder, as lstat saw it.</summary>
internal struct ListedEntry
{
    public int NameOffset;
    public int NameLength;
    public int LinkOffset;
    public int LinkLength;

    /// <summary>Go's os.FileMode.</summary>
    public uint Mode;
    public uint Links;
    public long Size;

    /// <summary>Nanoseconds since 1970.</summary>
    public long ModTime;
    public ulong Inode;
    public ulong Device;
    public uint SpecialMajor;
    public uint SpecialMinor;

    /// <summary>The extended attributes, encoded as the wire wants them; null when there are none.</summary>
    public byte[]? Xattrs;

    /// <summary>Where the walk goes on; null when this is no folder.</summary>
    public WalkFolder? Folder;
}

/// <summary>What a walk keeps of one folder: its entries in wire order. Reused from folder to folder.</summary>
internal sealed class FolderListing
{
    private ListedEntry[] _entries = new ListedEntry[32];
    private byte[] _text = new byte[1024];
    private int _textLength;

    public WalkFolder Folder { get; private set; } = null!;

    public int Count { get; private set; }

    public ref ListedEntry this[int index] => ref _entries[index];

    public ReadOnlySpan<byte> NameOf(int index) => _text.AsSpan(_entries[index].NameOffset, _entries[index].NameLength);

    /// <summary>A symbolic link's target.</summary>
    public ReadOnlySpan<byte> LinkOf(int index) => _text.AsSpan(_entries[index].LinkOffset, _entries[index].LinkLength);

    public void Start(WalkFolder folder)
    {
        Array.Clear(_entries, 0, Count);
        Folder = folder;
        Count = 0;
        _textLength = 0;
    }

    public ref ListedEntry Add(ReadOnlySpan<byte> name)
    {
        if (Count == _entries.Length)
        {
            Array.Resize(ref _entries, Count * 2);
        }

        ref var entry = ref _entries[Count++];
        entry.NameOffset = Store(name);
        entry.NameLength = name.Length;
        return ref entry;
    }

    /// <summary>Takes the last entry back.</summary>
    public void RemoveLast() => _entries[--Count] = default;

    public int Store(ReadOnlySpan<byte> text)
    {
        if (_textLength + text.Length > _text.Length)
        {
            Array.Resize(ref _text, Math.Max(_text.Length * 2, _textLength + text.Length));
        }

        text.CopyTo(_text.AsSpan(_textLength));
        _textLength += text.Length;
        return _textLength - text.Length;
    }
}
