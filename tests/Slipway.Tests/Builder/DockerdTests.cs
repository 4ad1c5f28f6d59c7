using System.Globalization;
using Slipway.Builder;
using Slipway.Builder.Engine;
using Xunit;

namespace Slipway.Tests.Builder;

/// <summary>A real private dockerd; skipped, saying so, where there is none or the tests do not run as root.</summary>
[Trait("Needs", "dockerd")]
public sealed class DockerdTests : IAsyncLifetime
{
    private readonly string _data = Directory.CreateTempSubdirectory("slw-").FullName;
    private readonly LineLog _log = new();
    private readonly BuilderOptions _options;
    private DockerdProgram? _program;

    public DockerdTests() =>
        _options = new BuilderOptions { Server = new Uri("http://127.0.0.1:1"), DataDirectory = _data, Engine = "dockerd", BridgePool = "10.214.0.0/16" };

    public async ValueTask InitializeAsync()
    {
        var path = ShortCommand.Find("dockerd", _options.SearchPath);
        Assert.SkipWhen(path is null, "no dockerd on this machine");
        _program = new DockerdProgram(path!, _options);
        try
        {
            await _program.CheckAsync(Cancellation);
        }
        catch (EngineException e)
        {
            Assert.Skip(e.Message);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await using (var house = new EngineHouse(_program!, _options, _log))
        {
            await house.CleanUpAsync(CancellationToken.None);
        }

        Directory.Delete(_data, recursive: true);
    }

    [Fact]
    public async Task It_starts_cold_answers_on_raw_connections_and_leaves_nothing_behind()
    {
        var daemon = Daemon("p1");
        await daemon.StartAsync(Cancellation);
        await using (var stream = await daemon.ConnectAsync(Cancellation))
        {
            Assert.True(stream.CanWrite);
        }

        Assert.NotEmpty(ProcessTable.FindEngine(daemon.Folder));
        Assert.True(Directory.Exists("/sys/class/net/" + daemon.Folder.NetworkName));
        await daemon.DisposeAsync();
        AssertGone(daemon.Folder);
        Assert.True(daemon.Folder.HasCache);
    }

    [Fact]
    public async Task Killed_it_is_lost_and_started_again()
    {
        await using var daemon = Daemon("p1");
        await daemon.StartAsync(Cancellation);
        var lost = new TaskCompletionSource();
        var before = DockerdPid(daemon.Folder);
        await using var registration = daemon.Lost.Register(lost.SetResult);
        _ = Libc.Kill(before, Libc.SigKill);
        await lost.Task.WaitAsync(TimeSpan.FromSeconds(30), Cancellation);
        await daemon.StartAsync(Cancellation);
        Assert.NotEqual(before, DockerdPid(daemon.Folder));
        Assert.False(daemon.Lost.IsCancellationRequested);
    }

    [Fact]
    public async Task Two_run_side_by_side_on_their_own_networks()
    {
        await using var first = Daemon("p1");
        await using var second = Daemon("p2");
        await Task.WhenAll(first.StartAsync(Cancellation), second.StartAsync(Cancellation));
        Assert.NotEqual(DockerdPid(first.Folder), DockerdPid(second.Folder));
        Assert.NotEqual(first.Folder.NetworkName, second.Folder.NetworkName);
        var rules = (await ShortCommand.RunAsync(ShortCommand.Find("iptables", _options.SearchPath)!, ["-w", "10", "-S"], Cancellation)).Output;
        Assert.Contains("-A SLIPWAY-FORWARD -i slip+ -o slip+ -j REJECT --reject-with icmp-port-unreachable", rules, StringComparison.Ordinal);
        Assert.Contains("-A FORWARD -j SLIPWAY-FORWARD", rules, StringComparison.Ordinal);
    }

    /// <summary>The fence is made of IPv4 rules: a card with an IPv6 address, which each gets by itself, would lead to every service of this machine that listens on <c>::</c>.</summary>
    [Fact]
    public async Task No_IPv6_leads_around_the_fence()
    {
        Assert.SkipUnless(File.Exists("/proc/net/if_inet6"), "this kernel has no IPv6");
        await using var daemon = Daemon("p1");
        await daemon.StartAsync(Cancellation);
        Assert.DoesNotContain(daemon.Folder.NetworkName, await File.ReadAllTextAsync("/proc/net/if_inet6", Cancellation), StringComparison.Ordinal);
        string[] enter = [$"--net={EngineNetwork.PathOf(daemon.Folder)}", "cat"];
        var inside = await ShortCommand.RunAsync(ShortCommand.Find("nsenter", _options.SearchPath)!, [.. enter, "/proc/self/net/if_inet6", "/proc/self/net/ipv6_route"], Cancellation);
        Assert.Equal(0, inside.Code);
        Assert.All(inside.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries), line => Assert.EndsWith(" lo", line.TrimEnd(), StringComparison.Ordinal));

        // Nor does a card that comes later, as those of build steps do.
        var later = await ShortCommand.RunAsync(
            ShortCommand.Find("nsenter", _options.SearchPath)!,
            [enter[0], "sh", "-c", "ip link add later0 type bridge && ip link set later0 up && cat /proc/self/net/if_inet6 && ip link del later0"], Cancellation);
        Assert.Equal(0, later.Code);
        Assert.DoesNotContain("later0", later.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_a_killed_builder_left_is_ended_before_the_next_one_serves()
    {
        var folder = new EngineFolder(_data, "p1", MachineArchitecture.Name);
        folder.Create();
        var launch = await _program!.PrepareAsync(folder, default, Cancellation);
        // The builder that started it is gone: nobody holds its lock and nobody watches it.
        using var orphan = EngineProcess.Start(launch!, folder, _options);
        while (!File.Exists(folder.Socket))
        {
            Assert.False(orphan.HasExited, folder.LastWords());
            await Task.Delay(20, Cancellation);
        }

        await using (var house = new EngineHouse(_program, _options, _log))
        {
            await house.CleanUpAsync(Cancellation);
        }

        AssertGone(folder);
        await using var daemon = Daemon("p1");
        await daemon.StartAsync(Cancellation);
    }

    [Fact]
    public async Task Reset_deletes_the_cache_and_the_next_start_is_cold()
    {
        await using var daemon = Daemon("p1");
        await daemon.StartAsync(Cancellation);
        var marker = Path.Combine(daemon.Folder.Root, "marker");
        await File.WriteAllTextAsync(marker, "", Cancellation);
        await daemon.ResetAsync(Cancellation);
        Assert.False(daemon.Folder.HasCache);
        await daemon.StartAsync(Cancellation);
        Assert.False(File.Exists(marker));
    }

    [Fact]
    public async Task A_cache_that_no_engine_starts_on_is_set_aside()
    {
        await using var daemon = Daemon("p1");
        await daemon.StartAsync(Cancellation);
        await daemon.StopAsync(() => true, Cancellation);
        // containerd's metadata, as a power cut may leave it.
        var database = Directory.EnumerateFiles(daemon.Folder.Root, "meta.db", SearchOption.AllDirectories).First();
        await File.WriteAllBytesAsync(database, new byte[32 * 1024], Cancellation);
        await daemon.StartAsync(Cancellation);
        Assert.Single(Directory.EnumerateDirectories(Path.GetDirectoryName(daemon.Folder.Root)!, "quarantine-*"));
        Assert.Contains("set aside", _log.ToString(), StringComparison.Ordinal);
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private BuildKitDaemon Daemon(string project) =>
        new(_program!, new EngineFolder(_data, project, MachineArchitecture.Name), _options, _log);

    private static int DockerdPid(EngineFolder folder) => ProcessTable.FindEngine(folder)
        .Single(pid => File.ReadAllText($"/proc/{pid.ToString(CultureInfo.InvariantCulture)}/comm").Trim() == "dockerd");

    private static void AssertGone(EngineFolder folder)
    {
        Assert.Empty(ProcessTable.FindEngine(folder));
        Assert.False(Directory.Exists("/sys/class/net/" + folder.NetworkName));
        Assert.False(File.Exists(EngineNetwork.PathOf(folder)));
        Assert.DoesNotContain(folder.Id, File.ReadAllText("/proc/self/mountinfo"), StringComparison.Ordinal);
        Assert.False(File.Exists(folder.Socket));
    }
}
