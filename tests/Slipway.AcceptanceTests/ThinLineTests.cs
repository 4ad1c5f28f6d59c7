using System.Security.Cryptography;
using System.Text;

namespace Slipway.AcceptanceTests;

/// <summary>Over a thin line the context travels compressed, through the builder's proxy and into the real engine, and is the same there.</summary>
public sealed class ThinLineTests(Site site)
{
    private const int TextBytes = 6_000_000;
    private const int NoiseBytes = 500_000;

    [Fact]
    public async Task Over_a_thin_line_a_context_travels_smaller_and_arrives_the_same()
    {
        var port = Parts.FreePort();
        await using var line = new ThinLine(port, bytesPerSecond: 4_000_000);
        await using var fleet = await Fleet.StartAsync(
            site, "--listen", $"127.0.0.1:{port}", "--advertise", $"127.0.0.1:{line.Port}", "--bridge-pool", "10.232.0.0/16", "--idle", "0s");
        using var work = new WorkFolder();

        // A folder of another name each time: the builder keeps no copy of it.
        Assert.InRange(await SendAsync(fleet, line, work, "never"), TextBytes + NoiseBytes, long.MaxValue);
        Assert.InRange(await SendAsync(fleet, line, work, "auto"), NoiseBytes, (TextBytes / 2) + NoiseBytes);
    }

    [Fact]
    public async Task Compressing_can_be_asked_for_and_reaches_a_fat_line_too()
    {
        var port = Parts.FreePort();
        await using var line = new ThinLine(port, bytesPerSecond: 0);
        await using var fleet = await Fleet.StartAsync(
            site, "--listen", $"127.0.0.1:{port}", "--advertise", $"127.0.0.1:{line.Port}", "--bridge-pool", "10.232.0.0/16");
        using var work = new WorkFolder();
        Assert.InRange(await SendAsync(fleet, line, work, "never"), TextBytes + NoiseBytes, long.MaxValue);
        Assert.InRange(await SendAsync(fleet, line, work, "always"), NoiseBytes, (TextBytes / 2) + NoiseBytes);
        Assert.InRange(await SendAsync(fleet, line, work, "auto", "--compress"), NoiseBytes, (TextBytes / 2) + NoiseBytes);

        // A context on stdin is a tar that BuildKit pulls in another way.
        (await RunningCommand.Start("tar", ["-C", work["always"], "-cf", work["context.tar"], "."]).WaitAsync()).MustSucceed();
        line.TakeSent();
        using var output = new WorkFolder();
        (await RunningCommand.Start(
            Parts.Depot, ["build", "--compress", "-o", output.Path, "-"], site.With(fleet.Environment), input: await File.ReadAllBytesAsync(work["context.tar"])).WaitAsync()).MustSucceed();
        Assert.InRange(line.TakeSent(), NoiseBytes, (TextBytes / 2) + NoiseBytes);
        AssertSame(work["always"], output.Path);
    }

    private async Task<long> SendAsync(Fleet fleet, ThinLine line, WorkFolder work, string mode, params string[] flags)
    {
        var context = Fill(work, string.Concat([mode, .. flags]));
        using var output = new WorkFolder();
        line.TakeSent();
        var environment = new Dictionary<string, string?>(fleet.Environment) { ["DEPOT_COMPRESS"] = mode };
        (await RunningCommand.Start(Parts.Depot, ["build", .. flags, "-o", output.Path, context], site.With(environment)).WaitAsync()).MustSucceed();
        AssertSame(context, output.Path);
        return line.TakeSent();
    }

    private static string Fill(WorkFolder work, string name)
    {
        var text = new StringBuilder();
        for (var i = 0; text.Length < TextBytes / 2; i++)
        {
            text.Append("line ").Append(i).Append(" of a large file, which is as easy to compress as a program's source is\n");
        }

        work.With($"{name}/Dockerfile", "FROM scratch\nCOPY . /\n").With($"{name}/large", text.ToString());
        foreach (var i in Enumerable.Range(0, 100))
        {
            work.With($"{name}/small/{i}", text.ToString(i * 30_000, TextBytes / 200));
        }

        File.WriteAllBytes(work[$"{name}/noise"], RandomNumberGenerator.GetBytes(NoiseBytes));
        return work[name];
    }

    private static void AssertSame(string context, string output)
    {
        foreach (var file in Directory.GetFiles(context, "*", SearchOption.AllDirectories))
        {
            Assert.Equal(File.ReadAllBytes(file), File.ReadAllBytes(Path.Combine(output, Path.GetRelativePath(context, file))));
        }
    }
}
