using System.Globalization;

namespace Slipway.AcceptanceTests.Support;

/// <summary>Looks for a secret where it must not be: in the memory of running programs.</summary>
public static class ProcessMemory
{
    private const int ChunkBytes = 1 << 20;

    /// <summary>The process and everything that it started, by /proc.</summary>
    public static IReadOnlyList<int> Family(int processId)
    {
        var parents = Directory.EnumerateDirectories("/proc")
            .Select(path => int.TryParse(Path.GetFileName(path), NumberStyles.None, CultureInfo.InvariantCulture, out var id) ? id : 0)
            .Where(id => id > 0)
            .Select(id => (Id: id, Parent: ParentOf(id)))
            .ToLookup(process => process.Parent, process => process.Id);
        IEnumerable<int> Below(int id) => parents[id].SelectMany(child => Below(child).Prepend(child));
        return [processId, .. Below(processId)];
    }

    /// <summary>Whether the bytes lie in any writable memory of the process.</summary>
    public static bool Holds(int processId, ReadOnlySpan<byte> secret)
    {
        try
        {
            using var memory = File.OpenHandle($"/proc/{processId}/mem");
            var buffer = new byte[ChunkBytes];
            foreach (var (start, end) in WritableRegions(processId))
            {
                // Chunks overlap, so that no border hides the secret.
                for (var at = start; at < end; at += ChunkBytes - secret.Length)
                {
                    if (Read(memory, buffer.AsSpan(0, (int)Math.Min(ChunkBytes, end - at)), at).IndexOf(secret) >= 0)
                    {
                        return true;
                    }
                }
            }
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            // It has ended.
        }

        return false;
    }

    private static ReadOnlySpan<byte> Read(Microsoft.Win32.SafeHandles.SafeFileHandle memory, Span<byte> buffer, long at)
    {
        try
        {
            return buffer[..RandomAccess.Read(memory, buffer, at)];
        }
        catch (IOException)
        {
            // Given back to the kernel meanwhile, or reserved only.
            return [];
        }
    }

    private static IEnumerable<(long Start, long End)> WritableRegions(int processId) =>
        from line in File.ReadAllLines($"/proc/{processId}/maps")
        where line.Contains(" rw", StringComparison.Ordinal)
        let range = line[..line.IndexOf(' ')].Split('-')
        select (long.Parse(range[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture), long.Parse(range[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture));

    private static int ParentOf(int id)
    {
        try
        {
            var line = File.ReadLines($"/proc/{id}/status").First(line => line.StartsWith("PPid:", StringComparison.Ordinal));
            return int.Parse(line["PPid:".Length..], CultureInfo.InvariantCulture);
        }
        catch (Exception e) when (e is IOException or InvalidOperationException)
        {
            return 0;
        }
    }
}
