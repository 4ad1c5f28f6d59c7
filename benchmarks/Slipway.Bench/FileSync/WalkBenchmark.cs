using System.Diagnostics;
using Slipway.Bench.EndToEnd;
using Slipway.BuildKit.FileSync;

namespace Slipway.Bench.FileSync;

/// <summary>Walks 50,000 files with everything that a STAT tells of them, beside <c>find</c>, which reads their sizes and times.</summary>
internal static class WalkBenchmark
{
    private const int Folders = 500;
    private const int FilesPerFolder = 100;

    public static async Task RunAsync(int rounds, string output)
    {
        var tree = Directory.CreateDirectory(Path.Combine(Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), $"walk-{Guid.NewGuid():N}")).FullName;
        try
        {
            Plant(tree);
            List<Cost> ours = [], find = [];
            for (var round = -1; round < rounds; round++)
            {
                var samples = (Ours: await WalkAsync(tree), Find: await Measured.RunAsync("find", [tree, "-printf", "%s %T@ %p\n"], new Dictionary<string, string>()));
                if (round >= 0)
                {
                    ours.Add(samples.Ours);
                    find.Add(samples.Find);
                }
            }

            var comparison = new Comparison("filesync-walk", Cost.Median(ours), Cost.Median(find), "find", RatioMust: null);
            comparison.Print(Console.Out);
            comparison.Save(output);
        }
        finally
        {
            Directory.Delete(tree, recursive: true);
        }
    }

    private static void Plant(string tree)
    {
        for (var folder = 0; folder < Folders; folder++)
        {
            var path = Directory.CreateDirectory(Path.Combine(tree, $"folder-{folder}")).FullName;
            for (var file = 0; file < FilesPerFolder; file++)
            {
                File.WriteAllText(Path.Combine(path, $"file-{file}.txt"), "");
            }
        }
    }

    /// <summary>In this process, so that the peak is the benchmark's own and says nothing.</summary>
    private static async Task<Cost> WalkAsync(string tree)
    {
        using var self = Process.GetCurrentProcess();
        var before = self.TotalProcessorTime;
        var clock = Stopwatch.StartNew();
        using var root = RootFolder.Open(tree);
        await using var walk = new ContextWalk(root, WalkFilter.Everything);
        var entries = 0;
        await foreach (var entry in walk.EntriesAsync(CancellationToken.None))
        {
            entries += entry.Name.Length > 0 ? 1 : 0;
        }

        var seconds = clock.Elapsed.TotalSeconds;
        self.Refresh();
        return entries == Folders * (FilesPerFolder + 1)
            ? new Cost(seconds, (self.TotalProcessorTime - before).TotalSeconds, self.WorkingSet64 / 1024.0 / 1024)
            : throw new InvalidOperationException($"The walk found {entries} entries.");
    }
}
