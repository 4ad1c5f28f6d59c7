using System.Diagnostics;
using Slipway.Bench.EndToEnd;
using Slipway.Bench.Reporting;
using Slipway.BuildKit.FileSync;

namespace Slipway.Bench.FileSync;

/// <summary>Walks 50,000 files with everything that a STAT tells of them, beside <c>find</c>, which reads their sizes and times.</summary>
internal static class WalkBenchmark
{
    private const int Folders = 500;
    private const int FilesPerFolder = 100;

    public static async Task RunAsync(BenchRun run)
    {
        using var folder = ScratchFolder.Create();
        Plant(folder.Path);
        var find = new Command("find", [folder.Path, "-printf", "%s %T@ %p\n"], new Dictionary<string, string>());
        var duel = await Duel.FightAsync(run.Rounds(7, 21), new Side("walk", _ => WalkAsync(folder.Path)), new Side("find", _ => Measured.RunAsync(find, run.Cancellation)));
        run.Report.Add(duel.Rows("filesync-walk", Goal.None).Where(row => row.Measure != "memory").ToList());
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

    /// <summary>In this process: its memory is the benchmark's own and says nothing.</summary>
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
            ? new Cost(seconds, (self.TotalProcessorTime - before).TotalSeconds, PeakMiB: 0)
            : throw new InvalidOperationException($"The walk found {entries} entries.");
    }
}
