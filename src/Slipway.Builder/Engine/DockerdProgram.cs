using System.Globalization;
using System.Text.Json.Nodes;
using Slipway.BuildKit.Control;

namespace Slipway.Builder.Engine;

/// <summary>A private <c>dockerd</c> with the containerd image store, whose embedded BuildKit answers on its socket.</summary>
internal sealed class DockerdProgram(string program, BuilderOptions options) : IEngineProgram
{
    /// <summary>The first whose containerd image store is fit for use.</summary>
    private const int MajorMin = 26;

    private Version _version = new(MajorMin, 0);

    public string Kind => "dockerd";

    public async Task<EngineFacts> CheckAsync(CancellationToken cancellation)
    {
        if (!File.Exists(program))
        {
            throw new EngineException($"there is no dockerd at {program}; give its full path with --engine");
        }

        var answer = await ShortCommand.RunAsync(program, ["--version"], cancellation);
        _version = EngineVersion.Find(answer.Output) ?? throw new EngineException($"{program} --version says \"{answer.Output.Trim()}\": that is no dockerd");
        if (_version.Major < MajorMin)
        {
            throw new EngineException($"dockerd {_version} is too old: Slipway needs {MajorMin} or newer with the containerd image store; "
                + "run ./quickstart or install a newer docker.io");
        }

        CheckMachine();
        return new EngineFacts(_version.ToString(), [MachineArchitecture.Name]) { Emulated = Emulators.Find() };
    }

    public async Task<EngineLaunch?> PrepareAsync(EngineFolder folder, CacheBudget budget, CancellationToken cancellation)
    {
        var subnet = await EngineNetwork.CreateAsync(folder, options, cancellation);
        var configuration = Path.Combine(folder.Run, "daemon.json");
        await File.WriteAllTextAsync(configuration, Configure(folder, subnet, budget).ToJsonString(), cancellation);
        var temporary = Path.Combine(folder.Root, "slipway-tmp");
        Directory.CreateDirectory(temporary);
        return new EngineLaunch(program, ["--config-file", configuration])
        {
            // dockerd uses a system containerd whenever that one's socket exists, and would keep this project's images there.
            // Hidden, it starts its own below its own folders. Its shims' sockets, which have a fixed place, become private too.
            // Its temporary folder gets a short name: the sockets of forwarded SSH agents are made there, and a socket's path ends at 107 bytes.
            NetworkNamespace = EngineNetwork.PathOf(folder),
            Preamble = subnet.Preamble(options) + NameServers.Preamble(folder, subnet)
                + "[ ! -d /run/containerd ] || mount -t tmpfs -o mode=711 slipway /run/containerd || exit 1\n"
                + $"mkdir -p {ShortTemporary} && mount --bind {Quote(temporary)} {ShortTemporary} && export DOCKER_TMPDIR={ShortTemporary} || exit 1",
        };
    }

    /// <summary>Where an engine finds its own temporary folder, in its own mount namespace.</summary>
    private const string ShortTemporary = "/run/slipway-tmp";

    public Task<Stream> ConnectAsync(EngineFolder folder, CancellationToken cancellation) =>
        EngineTransport.ConnectAsync(folder.Address, dockerUpgrade: true, cancellation);

    public Task CleanUpAsync(EngineFolder folder, CancellationToken cancellation) => EngineNetwork.RemoveAsync(folder, options, cancellation);

    private static string Quote(string word) => "'" + word.Replace("'", "'\\''", StringComparison.Ordinal) + "'";

    private void CheckMachine()
    {
        if (Libc.EffectiveUserId() != 0)
        {
            throw new EngineException("a private dockerd needs root: run the builder as root, or give it the address of a buildkitd with --engine");
        }

        var missing = new[] { "containerd", "runc", "ip", "iptables" }.Where(name => ShortCommand.Find(name, options.SearchPath) is null).ToArray();
        if (missing.Length > 0)
        {
            throw new EngineException($"dockerd needs {string.Join(", ", missing)}, found nowhere in {options.SearchPath}; "
                + "run ./quickstart or install containerd, runc, iproute2 and iptables");
        }
    }

    private JsonObject Configure(EngineFolder folder, EngineSubnet subnet, CacheBudget budget) => new()
    {
        ["data-root"] = folder.Root,
        ["exec-root"] = Path.Combine(folder.Run, "x"),
        ["pidfile"] = Path.Combine(folder.Run, "docker.pid"),
        ["hosts"] = new JsonArray("unix://" + folder.Socket),
        ["features"] = new JsonObject { ["containerd-snapshotter"] = true, ["cdi"] = false },
        // Its own bridge and rules, which end with its namespace.
        ["bip"] = subnet.StepNetwork,
        ["mtu"] = subnet.Mtu,
        ["ip6tables"] = false,
        ["userland-proxy"] = false,
        // The path form of a cgroup parent is the cgroupfs driver's; systemd's wants a slice's name.
        ["exec-opts"] = new JsonArray("native.cgroupdriver=cgroupfs"),
        ["cgroup-parent"] = "/" + folder.CgroupName,
        ["log-level"] = "warn",
        ["shutdown-timeout"] = 5,
        ["insecure-registries"] = new JsonArray([.. options.InsecureRegistries.Select(registry => JsonValue.Create(registry))]),
        ["registry-mirrors"] = new JsonArray([.. options.RegistryMirrors.Select(
            mirror => JsonValue.Create(mirror.Contains("://", StringComparison.Ordinal) ? mirror : "http://" + mirror))]),
        ["builder"] = new JsonObject
        {
            ["entitlements"] = new JsonObject { ["network-host"] = false, ["security-insecure"] = false, ["device"] = false },
            ["gc"] = new JsonObject { ["enabled"] = true, ["policy"] = Policies(folder, budget) },
        },
    };

    private JsonArray Policies(EngineFolder folder, CacheBudget budget)
    {
        var disk = new DriveInfo(folder.Root);
        var policies = new JsonArray();
        if (budget.KeepDays > 0)
        {
            policies.Add(new JsonObject
            {
                ["all"] = true,
                ["filter"] = new JsonArray(string.Create(CultureInfo.InvariantCulture, $"unused-for={budget.KeepDays * 24}h")),
            });
        }

        // 28 tells the space a policy guarantees from the space it may take; before, one number was both.
        var most = budget.UsedBytesMax(disk).ToString(CultureInfo.InvariantCulture);
        policies.Add(_version.Major >= 28
            ? new JsonObject
            {
                ["all"] = true,
                ["maxUsedSpace"] = most,
                ["minFreeSpace"] = CacheBudget.FreeBytesGoal(disk).ToString(CultureInfo.InvariantCulture),
            }
            : new JsonObject { ["all"] = true, ["keepStorage"] = most });
        return policies;
    }
}
