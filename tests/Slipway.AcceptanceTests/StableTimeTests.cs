using System.Globalization;
using System.Security.Cryptography;
using System.Text.RegularExpressions;

namespace Slipway.AcceptanceTests;

/// <summary>Agents clone anew for every job: with stable times only what changed travels, from whichever clone.</summary>
public sealed partial class StableTimeTests(Site site)
{
    private const int LargeBytes = 300_000;

    [Fact]
    public async Task A_fresh_clone_sends_nothing_that_the_builder_has_and_everything_that_changed()
    {
        using var work = new WorkFolder().With("origin/Dockerfile", "FROM scratch\nCOPY . /\n").With("origin/.dockerignore", ".git\n").With("origin/sub/small", "small\n");
        await File.WriteAllBytesAsync(work["origin/large"], RandomNumberGenerator.GetBytes(LargeBytes));
        await GitAsync(work["origin"], "init", "--quiet", "--initial-branch=main");
        await GitAsync(work["origin"], "add", ".");
        await GitAsync(work["origin"], "-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "--quiet", "--message=first");
        var (first, second) = (await CloneAsync(work, "agent-1/checkout"), await CloneAsync(work, "agent-2/other-name"));

        var (sent, image) = await BuildAsync(first);
        Assert.InRange(sent, LargeBytes, LargeBytes + 10_000);
        var (sentAgain, sameImage) = await BuildAsync(second);
        Assert.InRange(sentAgain, 1, 10_000);
        Assert.Equal(image, sameImage);
        Assert.All(image.Values, time => Assert.Equal(new DateTime(2000, 1, 1, 0, 0, 0, DateTimeKind.Utc), time.Date));

        // One byte, the same size, and the time that the file had: only its contents tell.
        var path = Path.Combine(second, "large");
        var (bytes, time) = (await File.ReadAllBytesAsync(path), File.GetLastWriteTimeUtc(path));
        bytes[LargeBytes / 2] ^= 1;
        await File.WriteAllBytesAsync(path, bytes);
        File.SetLastWriteTimeUtc(path, time);
        await File.WriteAllTextAsync(Path.Combine(second, "untracked"), "new\n");
        var (sentChange, changed) = await BuildAsync(second);
        Assert.InRange(sentChange, LargeBytes, LargeBytes + 10_000);
        Assert.Equal(image.Keys.Append("untracked").Order(), changed.Keys.Order());
        Assert.NotEqual(image["large"], changed["large"]);

        // Without stable times the clone is all new.
        Assert.InRange((await BuildAsync(second, "--stable-times=false")).Sent, LargeBytes, LargeBytes + 10_000);
    }

    /// <summary>Builds with the variable set; tells how many bytes of context travelled, and the times of the files that came out.</summary>
    private async Task<(double Sent, Dictionary<string, DateTime> Image)> BuildAsync(string context, params string[] flags)
    {
        using var output = new WorkFolder();
        var build = await site.StartDepot(
            ["build", "--progress=plain", "-o", $"type=local,dest={output.Path}", .. flags, context],
            new Dictionary<string, string?> { ["DEPOT_STABLE_TIMES"] = "1" }).WaitAsync();
        var sent = Transferred().Matches(build.MustSucceed().Error).Select(Bytes).DefaultIfEmpty(0).Max();
        Assert.Equal(await File.ReadAllBytesAsync(Path.Combine(context, "large")), await File.ReadAllBytesAsync(output["large"]));
        return (sent, Directory.GetFiles(output.Path, "*", SearchOption.AllDirectories).ToDictionary(
            file => Path.GetRelativePath(output.Path, file), file => File.GetLastWriteTimeUtc(file)));
    }

    private static double Bytes(Match match) => double.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture)
        * match.Groups[2].Value switch { "MB" => 1e6, "kB" => 1e3, _ => 1 };

    [GeneratedRegex("transferring context: ([0-9.]+)(B|kB|MB)")]
    private static partial Regex Transferred();

    private static async Task<string> CloneAsync(WorkFolder work, string name)
    {
        await GitAsync(work.Path, "clone", "--quiet", work["origin"], work[name]);
        return work[name];
    }

    private static async Task GitAsync(string folder, params string[] arguments) =>
        (await RunningCommand.Start("git", ["-C", folder, .. arguments]).WaitAsync()).MustSucceed();
}
