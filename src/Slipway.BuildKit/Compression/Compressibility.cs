namespace Slipway.BuildKit.Compression;

/// <summary>A guess whether bytes get smaller, from a few of them.</summary>
internal static class Compressibility
{
    private const int SamplesMax = 2048;

    /// <summary>Of eight bits per byte. Archives, pictures and encrypted files are above, programs at six, text at five.</summary>
    private const double EntropyMax = 7.6;

    /// <summary>Looks at bytes from all over and says whether some are much more frequent than others (Shannon's entropy).</summary>
    public static bool IsLikely(ReadOnlySpan<byte> bytes)
    {
        Span<int> counts = stackalloc int[256];
        counts.Clear();

        // An odd step meets every column of a table.
        var step = Math.Max(1, bytes.Length / SamplesMax) | 1;
        var samples = 0;
        for (var at = 0; at < bytes.Length; at += step, samples++)
        {
            counts[bytes[at]]++;
        }

        var entropy = Math.Log2(Math.Max(samples, 1));
        foreach (var count in counts)
        {
            entropy -= count > 1 ? count * Math.Log2(count) / samples : 0;
        }

        return entropy < EntropyMax;
    }
}
