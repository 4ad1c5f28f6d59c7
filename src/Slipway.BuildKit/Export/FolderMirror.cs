using System.Text;

namespace Slipway.BuildKit.Export;

/// <summary>A folder that shall hold what was exported into it and nothing else (the local exporter's <c>mode=delete</c>).</summary>
/// <remarks>The engine does not know what lies here: the client takes note of what arrives, from several builders perhaps, and deletes the rest when
/// everything has arrived. A build that fails deletes nothing.</remarks>
public sealed class FolderMirror(string folder)
{
    private readonly Lock _gate = new();
    private readonly HashSet<string> _received = new(StringComparer.Ordinal);

    /// <param name="path">Relative to the folder, as the engine writes it. Bytes that are no UTF-8 are compared as .NET lists them: replaced.</param>
    internal void Received(ReadOnlySpan<byte> path)
    {
        lock (_gate)
        {
            _received.Add(Encoding.UTF8.GetString(path));
        }
    }

    /// <summary>Deletes what did not arrive. Links are deleted, and never followed.</summary>
    /// <exception cref="IOException">Something cannot be deleted.</exception>
    public void DeleteOthers()
    {
        lock (_gate)
        {
            DeleteOthers(new DirectoryInfo(folder), "");
        }
    }

    private void DeleteOthers(DirectoryInfo below, string prefix)
    {
        foreach (var entry in below.GetFileSystemInfos())
        {
            var path = prefix + entry.Name;
            var isFolder = entry is DirectoryInfo && entry.LinkTarget is null;
            if (!_received.Contains(path))
            {
                Delete(entry, isFolder);
            }
            else if (isFolder)
            {
                DeleteOthers((DirectoryInfo)entry, path + "/");
            }
        }
    }

    private static void Delete(FileSystemInfo entry, bool isFolder)
    {
        if (isFolder)
        {
            ((DirectoryInfo)entry).Delete(recursive: true);
        }
        else
        {
            File.Delete(entry.FullName);
        }
    }
}
