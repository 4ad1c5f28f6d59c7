using System.Collections.Concurrent;
using System.Runtime.CompilerServices;

namespace Slipway.BuildKit.FileSync;

/// <summary>One entry of a walk, valid until the walk moves on.</summary>
internal readonly record struct WalkEntry(FolderListing Listing, int Index)
{
    public ref ListedEntry Entry => ref Listing[Index];

    public ReadOnlySpan<byte> Name => Listing.NameOf(Index);

    public ReadOnlySpan<byte> Link => Listing.LinkOf(Index);

    /// <summary>The folder that holds the entry.</summary>
    public WalkFolder Parent => Listing.Folder;
}

/// <summary>Walks a folder in the order of the wire: depth first, siblings by the bytes of their names, every folder before what is in it.</summary>
/// <remarks>Folders are read ahead of the walk on other threads; the entries come out in order all the same.</remarks>
internal sealed class ContextWalk : IAsyncDisposable
{
    // How many of a folder's next subfolders are read ahead. Small: it hides the latency of a disk, it does not buffer a tree.
    private const int AheadPerFolder = 4;

    // Entries read ahead and not yet walked, all folders together; bounds the memory (about 100 bytes each).
    private const int AheadEntriesMax = 16 * 1024;

    private static readonly int ReadersMax = Math.Clamp(Environment.ProcessorCount, 2, 4);

    private readonly RootFolder _root;
    private readonly WalkFilter _filter;
    private readonly int _readersMax;
    private readonly FileTimes _times;
    private readonly ConcurrentBag<FolderReader> _idleReaders = [];
    private readonly ConcurrentBag<FolderListing> _idleListings = [];
    private readonly Stack<Level> _levels = new();
    private int _reading;
    private int _entriesAhead;

    /// <param name="readersMax">Folders read ahead at the same time, by default two to four; 0 reads none ahead.</param>
    public ContextWalk(RootFolder root, WalkFilter filter, int? readersMax = null, FileTimes times = FileTimes.OfFiles)
    {
        _root = root;
        _filter = filter;
        _readersMax = readersMax ?? ReadersMax;
        _times = times;
    }

    /// <exception cref="IOException">Something that the filter sends cannot be read.</exception>
    /// <exception cref="FormatException">A pattern of the filter is malformed.</exception>
    public async IAsyncEnumerable<WalkEntry> EntriesAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        _levels.Push(new Level(Read(new WalkFolder([], default, isSkipped: false))));
        while (_levels.TryPeek(out var level))
        {
            if (!level.MoveNext())
            {
                Recycle(_levels.Pop().Listing);
                continue;
            }

            var folder = level.Current.Folder;
            if (folder is not { IsSkipped: true })
            {
                foreach (var parent in level.Listing.Folder.IsSent ? [] : UnsentParents())
                {
                    yield return parent;
                }

                yield return level.AtCurrent;
            }

            if (folder is not null)
            {
                folder.IsSent = !folder.IsSkipped;
                cancellation.ThrowIfCancellationRequested();
                ReadAhead(level);
                _levels.Push(new Level(await TakeAsync(level, folder)));
            }
        }
    }

    /// <summary>Waits for every read that is still running.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var level in _levels)
        {
            foreach (var (_, listing) in level.Ahead)
            {
                await listing.ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
            }
        }
    }

    /// <summary>The folders on the way to the current entry that the filter did not send for their own sake.</summary>
    private List<WalkEntry> UnsentParents()
    {
        var entries = new List<WalkEntry>();
        Level? above = null;
        foreach (var level in _levels.Reverse())
        {
            // A folder's own entry stands in the listing above it.
            if (above is not null && !level.Listing.Folder.IsSent)
            {
                level.Listing.Folder.IsSent = true;
                entries.Add(above.AtCurrent);
            }

            above = level;
        }

        return entries;
    }

    private FolderListing Read(WalkFolder folder)
    {
        var listing = _idleListings.TryTake(out var idle) ? idle : new FolderListing();
        var reader = _idleReaders.TryTake(out var free) ? free : _root.CreateReader(_filter, _times);
        reader.Read(folder, listing);
        _idleReaders.Add(reader);
        return listing;
    }

    private void Recycle(FolderListing listing) => _idleListings.Add(listing);

    /// <summary>Starts reading the next subfolders while there is room.</summary>
    private void ReadAhead(Level level)
    {
        while (level.Ahead.Count < AheadPerFolder
            && Volatile.Read(ref _reading) < _readersMax
            && Volatile.Read(ref _entriesAhead) < AheadEntriesMax
            && level.NextFolder() is { } next)
        {
            Interlocked.Increment(ref _reading);
            level.Ahead.Enqueue((next, Task.Run(() => ReadOnPool(next))));
        }
    }

    private FolderListing ReadOnPool(WalkFolder folder)
    {
        try
        {
            var listing = Read(folder);
            Interlocked.Add(ref _entriesAhead, listing.Count);
            return listing;
        }
        finally
        {
            Interlocked.Decrement(ref _reading);
        }
    }

    private async ValueTask<FolderListing> TakeAsync(Level level, WalkFolder folder)
    {
        if (!level.Ahead.TryPeek(out var ahead) || ahead.Folder != folder)
        {
            return Read(folder);
        }

        var listing = await ahead.Listing;
        level.Ahead.Dequeue();
        Interlocked.Add(ref _entriesAhead, -listing.Count);
        return listing;
    }

    /// <summary>A folder being walked, and the subfolders of it that are read ahead.</summary>
    private sealed class Level(FolderListing listing)
    {
        private int _at = -1;
        private int _lookedAt;

        public FolderListing Listing => listing;

        public Queue<(WalkFolder Folder, Task<FolderListing> Listing)> Ahead { get; } = new(AheadPerFolder);

        public ref ListedEntry Current => ref listing[_at];

        public WalkEntry AtCurrent => new(listing, _at);

        public bool MoveNext() => ++_at < listing.Count;

        /// <summary>The next subfolder behind the current one that nobody has looked at yet.</summary>
        public WalkFolder? NextFolder()
        {
            for (_lookedAt = Math.Max(_lookedAt, _at + 1); _lookedAt < listing.Count;)
            {
                if (listing[_lookedAt++].Folder is { } folder)
                {
                    return folder;
                }
            }

            return null;
        }
    }
}
