using System.Runtime.InteropServices;
using System.Text;

namespace Slipway.BuildKit.FileSync;

/// <summary>The paths behind the ids of a transfer: a file's content is asked for by the index of its STAT. Compact, because a context may have millions.</summary>
internal sealed class SentFiles
{
    private const int BlockBytes = 64 * 1024;
    private const int BlockEntries = 4096;

    private readonly Lock _gate = new();
    private readonly List<byte[]> _folders = [];
    private readonly List<byte[]> _names = [];
    private readonly List<Entry[]> _entries = [];
    private int _nameEnd = BlockBytes;
    private uint _count;

    /// <summary>The number of STATs noted so far, which is the next one's id.</summary>
    public uint Count
    {
        get
        {
            lock (_gate)
            {
                return _count;
            }
        }
    }

    /// <summary>Notes the next STAT. Its content may be asked for when it is a regular file.</summary>
    public uint Add(WalkFolder folder, ReadOnlySpan<byte> name, in ListedEntry listed)
    {
        lock (_gate)
        {
            var id = _count++;
            if (id % BlockEntries == 0)
            {
                _entries.Add(new Entry[BlockEntries]);
            }

            if (GoFileMode.IsFolder(listed.Mode) || GoFileMode.IsSymlink(listed.Mode))
            {
                return id;
            }

            if (folder.TableIndex < 0)
            {
                folder.TableIndex = _folders.Count;
                _folders.Add(folder.Path);
            }

            _entries[^1][id % BlockEntries] = new Entry(
                folder.TableIndex, Store(name), (ushort)name.Length, GoFileMode.IsRegular(listed.Mode), listed.Size, listed.ModTime);
            return id;
        }
    }

    /// <summary>Hands out a regular file's content once, with the size that its STAT told.</summary>
    /// <returns>False when there is no such file, or it was handed out before.</returns>
    public bool TryClaim(uint id, out long size)
    {
        size = 0;
        lock (_gate)
        {
            if (id >= _count)
            {
                return false;
            }

            ref var entry = ref _entries[(int)(id / BlockEntries)][id % BlockEntries];
            var claimed = entry.IsOpen;
            size = entry.Size;
            entry = entry with { IsOpen = false };
            return claimed;
        }
    }

    /// <summary>The modification time that the STAT told.</summary>
    public long TimeOf(uint id)
    {
        lock (_gate)
        {
            return _entries[(int)(id / BlockEntries)][id % BlockEntries].ModTime;
        }
    }

    /// <summary>Writes the path below the root, with a closing NUL, into <paramref name="path"/>, which grows as needed; returns its length without the NUL.</summary>
    public int CopyPath(uint id, ref byte[] path)
    {
        lock (_gate)
        {
            var entry = _entries[(int)(id / BlockEntries)][id % BlockEntries];
            var folder = _folders[entry.Folder];
            var name = _names[entry.Name / BlockBytes].AsSpan(entry.Name % BlockBytes, entry.NameLength);
            var start = folder.Length == 0 ? 0 : folder.Length + 1;
            if (path.Length < start + name.Length + 1)
            {
                path = new byte[(start + name.Length + 1) * 2];
            }

            if (start > 0)
            {
                folder.CopyTo(path, 0);
                path[start - 1] = (byte)'/';
            }

            name.CopyTo(path.AsSpan(start));
            path[start + name.Length] = 0;
            return start + name.Length;
        }
    }

    /// <summary>What the root's own entries weigh with all that is below them, heaviest first.</summary>
    public IReadOnlyList<FolderWeight> Weigh()
    {
        lock (_gate)
        {
            var weights = new Dictionary<string, FolderWeight>(StringComparer.Ordinal);
            var names = _folders.ConvertAll(folder => Encoding.UTF8.GetString(FirstPart(folder)));
            for (uint id = 0; id < _count; id++)
            {
                // Folders and links were noted for their number alone.
                if (_entries[(int)(id / BlockEntries)][id % BlockEntries] is not { NameLength: > 0 } entry)
                {
                    continue;
                }

                var isBelow = names[entry.Folder].Length > 0;
                var name = isBelow ? names[entry.Folder] : Encoding.UTF8.GetString(_names[entry.Name / BlockBytes].AsSpan(entry.Name % BlockBytes, entry.NameLength));
                weights[name] = new FolderWeight(name, isBelow, weights.GetValueOrDefault(name).Bytes + entry.Size);
            }

            return [.. weights.Values.OrderByDescending(weight => weight.Bytes)];
        }
    }

    private static ReadOnlySpan<byte> FirstPart(ReadOnlySpan<byte> path) => path.IndexOf((byte)'/') is >= 0 and var slash ? path[..slash] : path;

    private int Store(ReadOnlySpan<byte> name)
    {
        if (_nameEnd + name.Length > BlockBytes)
        {
            _names.Add(new byte[BlockBytes]);
            _nameEnd = 0;
        }

        name.CopyTo(_names[^1].AsSpan(_nameEnd));
        _nameEnd += name.Length;
        return ((_names.Count - 1) * BlockBytes) + _nameEnd - name.Length;
    }

    [StructLayout(LayoutKind.Auto)]
    private readonly record struct Entry(int Folder, int Name, ushort NameLength, bool IsOpen, long Size, long ModTime);
}
