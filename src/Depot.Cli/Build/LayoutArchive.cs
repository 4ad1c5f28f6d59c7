using Depot.Cli.Docker;

namespace Depot.Cli.Build;

/// <summary>An OCI layout as one tar archive, as the <c>oci</c> exporter writes it: blobs, then the index and the layout's version.</summary>
internal static class LayoutArchive
{
    public static async Task WriteAsync(string folder, Stream destination, CancellationToken cancellation)
    {
        var blobs = Directory.GetFiles(Path.Combine(folder, "blobs", "sha256")).Order(StringComparer.Ordinal).Select(path => $"blobs/sha256/{Path.GetFileName(path)}");
        foreach (var name in blobs.Concat(["index.json", "oci-layout"]))
        {
            await using var file = File.OpenRead(Path.Combine(folder, name));
            await destination.WriteAsync(TarHeader.OfFile(name, file.Length), cancellation);
            await file.CopyToAsync(destination, cancellation);
            await destination.WriteAsync(new byte[TarHeader.Padding(file.Length)], cancellation);
        }

        // Two empty blocks end an archive.
        await destination.WriteAsync(new byte[2 * TarHeader.BlockBytes], cancellation);
    }
}
