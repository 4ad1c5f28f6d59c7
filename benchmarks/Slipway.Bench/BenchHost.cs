using Slipway.Bench.EndToEnd;
using Slipway.Bench.Engine;
using Slipway.Bench.FileSync;
using Slipway.Bench.Proxy;

namespace Slipway.Bench;

/// <summary>Runs the benchmarks that are named, or all.</summary>
internal static class BenchHost
{
    public static async Task<int> Main(string[] arguments)
    {
        var root = arguments.SkipWhile(argument => argument != "--root").Skip(1).FirstOrDefault() ?? Directory.GetCurrentDirectory();
        var named = arguments.Where(argument => argument != "--root" && argument != root).ToArray();
        var output = Path.Combine(root, "out", "bench");
        if (named.Length == 0 || named.Contains("grpc-upload"))
        {
            await EngineUpload.RunAsync(bytes: 1L << 30, rounds: 5, output);
        }

        if (named.Length == 0 || named.Contains("proxy-upload"))
        {
            using var upload = new ProxyUpload();
            await upload.RunAsync(bytes: 1L << 30, rounds: 5, output);
        }

        if (named.Length == 0 || named.Contains("filesync-walk"))
        {
            await WalkBenchmark.RunAsync(rounds: 7, output);
        }

        bool Wanted(string name) => named.Length == 0 || named.Contains(name);
        if (Wanted("version"))
        {
            await StartBenchmarks.VersionAsync(root, output);
        }

        var builds = BuildBenchmarks.Names.Where(Wanted).ToList();
        if (builds.Count > 0)
        {
            await using var site = await BenchSite.StartAsync(root);
            var benchmarks = new BuildBenchmarks(site, output);
            foreach (var name in builds)
            {
                await benchmarks.RunAsync(name);
            }
        }

        return 0;
    }
}
