using System.Globalization;
using System.Net.Sockets;

namespace Slipway.AcceptanceTests;

/// <summary>The first thing that a newcomer runs, in a copy of the tree, as they would.</summary>
public sealed class QuickstartTests : IDisposable
{
    private readonly WorkFolder _folder = new("quick");
    private readonly int _port = Parts.FreePort();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task It_starts_builds_and_runs_twice_and_stops_without_a_trace()
    {
        await CopyTreeAsync();
        try
        {
            var first = (await RunAsync()).MustSucceed();
            Assert.Contains("build: out/bin/depot and out/bin/slipway are up to date", first.Output);
            Assert.Contains($"Slipway runs at http://127.0.0.1:{_port}", first.Output);

            var second = (await RunAsync("again")).MustSucceed();
            Assert.Contains("quickstart: it runs already, as process ", second.Output);
            Assert.Contains("CACHED", second.Error);
            Assert.Equal(Greeting(first), Greeting(second));
        }
        finally
        {
            (await RunAsync("stop")).MustSucceed();
        }

        Assert.Empty(CommandsThatName(_folder.Path));
        Assert.DoesNotContain(_folder.Path, await File.ReadAllTextAsync("/proc/self/mountinfo"));
        using var client = new TcpClient();
        await Assert.ThrowsAsync<SocketException>(() => client.ConnectAsync("127.0.0.1", _port));
    }

    [Fact]
    public async Task An_unknown_word_starts_nothing()
    {
        var result = (await RunningCommand.Start(Path.Combine(Parts.Root, "quickstart"), ["now"]).WaitAsync()).MustFail(2);

        Assert.Equal("quickstart: unknown word 'now'. Use ./quickstart or ./quickstart stop.\n", result.Error);
        Assert.Empty(result.Output);
    }

    /// <summary>With what ./test has built, and nothing else that is not part of the repository.</summary>
    private async Task CopyTreeAsync()
    {
        var copy = $"mkdir -p {_folder["tree"]} && tar -c --exclude=./.git --exclude=./artifacts --exclude=./out . | tar -x -C {_folder["tree"]} "
            + $"&& tar -c out/bin out/publish | tar -x -C {_folder["tree"]}";
        (await RunningCommand.Start("/bin/sh", ["-c", copy]).WaitAsync()).MustSucceed();
    }

    private Task<CommandResult> RunAsync(params string[] words) => RunningCommand.Start(
        _folder["tree/quickstart"],
        words,
        new Dictionary<string, string?>
        {
            ["SLIPWAY_QUICKSTART_DIR"] = _folder["q"],
            ["SLIPWAY_LISTEN"] = $"127.0.0.1:{_port}",
            ["DOCKER_CONFIG"] = _folder["docker"],
            ["HOME"] = _folder.Path,

            // As on a machine without a Docker of its own, whatever this one has.
            ["DOCKER_HOST"] = "unix:///nowhere.sock",
        },
        _folder["tree"]).WaitAsync(TimeSpan.FromMinutes(10));

    /// <summary>What the example's container said: the lines between the last two headings.</summary>
    private static string Greeting(CommandResult result)
    {
        var after = result.Output.Split("quickstart: 5/5 running it\n")[1];
        var greeting = after[..after.IndexOf("\nSlipway runs at ", StringComparison.Ordinal)].Trim();
        Assert.NotEmpty(greeting);
        return greeting;
    }

    private static IEnumerable<string> CommandsThatName(string folder) =>
        from path in Directory.EnumerateDirectories("/proc")
        where int.TryParse(Path.GetFileName(path), NumberStyles.None, CultureInfo.InvariantCulture, out _)
        let command = Read(Path.Combine(path, "cmdline"))
        where command.Contains(folder, StringComparison.Ordinal)
        select command;

    private static string Read(string path)
    {
        try
        {
            return File.ReadAllText(path).Replace('\0', ' ');
        }
        catch (IOException)
        {
            return "";
        }
    }
}
