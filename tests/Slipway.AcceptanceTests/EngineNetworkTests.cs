using System.Net;
using System.Net.Sockets;

namespace Slipway.AcceptanceTests;

/// <summary>What a build may not reach: much of it runs in the engine itself, so that both are tried.</summary>
public sealed class EngineNetworkTests(Site site) : IAsyncLifetime
{
    private const string Metadata = "169.254.169.254";

    private readonly WorkFolder _folder = new("net");
    private readonly TcpListener _canary = new(IPAddress.Any, 0);
    private readonly string _cloud = $"cloud{Environment.ProcessId % 100000}";
    private RunningCommand? _metadata;
    private int _callers;

    private int CanaryPort => ((IPEndPoint)_canary.LocalEndpoint).Port;

    public async ValueTask InitializeAsync()
    {
        _canary.Start();
        _ = CountCallersAsync();
        _folder.With("www/secret", "the machine's credentials\n");
        await ScriptAsync(
            $"""
            ip netns add {_cloud}
            ip link add {_cloud} type veth peer name eth0 netns {_cloud}
            ip link set {_cloud} up
            ip route add {Metadata} dev {_cloud}
            ip -n {_cloud} addr add {Metadata}/32 dev eth0
            ip -n {_cloud} link set eth0 up
            ip -n {_cloud} route add default dev eth0
            """);
        _metadata = RunningCommand.Start("ip", ["netns", "exec", _cloud, "busybox", "httpd", "-f", "-p", "80", "-h", _folder["www"]]);
    }

    public async ValueTask DisposeAsync()
    {
        _canary.Dispose();
        await _metadata!.DisposeAsync();
        await RunningCommand.Start("ip", ["netns", "del", _cloud]).WaitAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task An_engine_and_its_steps_reach_neither_this_machine_nor_a_metadata_service_unless_a_port_is_opened()
    {
        // The machine itself does reach them.
        await Records.EventuallyAsync(() => RunningCommand.Start("busybox", ["wget", "-q", "-O-", $"http://{Metadata}/secret"]).WaitAsync(), wget => wget.ExitCode == 0);
        using (var local = new TcpClient())
        {
            await local.ConnectAsync("127.0.0.1", CanaryPort);
        }

        await Records.EventuallyAsync(() => Task.FromResult(new CommandResult("", 0, "", "")), _ => _callers == 1);
        await using var fleet = await Fleet.StartAsync(site, "--host-port", $"{Parts.FreePort()}");
        string[] addresses = [$"127.0.0.1:{CanaryPort}", $"{OwnAddress()}:{CanaryPort}", Metadata];
        foreach (var address in addresses)
        {
            using var fetching = new WorkFolder().With("Dockerfile", $"FROM scratch\nADD http://{address}/secret /\n");
            (await fleet.DepotAsync("build", fetching.Path)).MustFail();
        }

        var tries = string.Join("; ", addresses.Select(address => $"timeout 5 wget -q -O- http://{address}/secret && echo REACHED-{address.Length}"));
        using var stepping = new WorkFolder().With("Dockerfile", $"FROM scratch\nCOPY --from=rootfs / /\nENV PATH=/bin\nRUN {tries}; echo tried-$((40+2))\n");
        var steps = (await fleet.DepotAsync("build", "--progress=plain", "--build-context", $"rootfs={site.RootFilesystem}", stepping.Path)).MustSucceed();

        Assert.Contains("tried-42", steps.Error);
        Assert.DoesNotContain("credentials", steps.Error);
        Assert.Equal(1, _callers);
    }

    private async Task CountCallersAsync()
    {
        try
        {
            while (true)
            {
                using var caller = await _canary.AcceptTcpClientAsync();
                Interlocked.Increment(ref _callers);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    /// <summary>Where others reach this machine.</summary>
    private static IPAddress OwnAddress()
    {
        using var probe = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        probe.Connect("192.0.2.77", 9);
        return ((IPEndPoint)probe.LocalEndPoint!).Address;
    }

    private static async Task ScriptAsync(string script) => (await RunningCommand.Start("/bin/sh", ["-ec", script]).WaitAsync()).MustSucceed();
}
