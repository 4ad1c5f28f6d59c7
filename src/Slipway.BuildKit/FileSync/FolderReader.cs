namespace Slipway.BuildKit.FileSync;

/// <summary>Reads folders: names, filter, order, and all that the wire tells of an entry. One reader serves one thread at a time.</summary>
internal abstract class FolderReader
{
    /// <summary>Fills <paramref name="listing"/> with what the filter lets through of <paramref name="folder"/>.</summary>
    /// <remarks>A folder that has vanished reads as empty: it was there when its parent was read.</remarks>
    /// <exception cref="IOException">The folder, or something in it, cannot be read.</exception>
    public abstract void Read(WalkFolder folder, FolderListing listing);
}
