using System.Globalization;
using System.Text;
using Microsoft.Extensions.Logging;
using Slipway.BuildKit.Control;

namespace Slipway.Builder.Engine;

/// <summary>A <c>buildkitd</c> of this machine, one process per project.</summary>
internal sealed class BuildkitdProgram(string program, BuilderOptions options, ILogger log) : IEngineProgram
{
    /// <summary>Older ones have published holes that a build can use (among them GHSA-g2h8-426c-7976, fixed in 0.31.2).</summary>
    public static readonly Version VersionMin = new(0, 31, 2);

    public string Kind => "buildkitd";

    public async Task<EngineFacts> CheckAsync(CancellationToken cancellation)
    {
        if (!File.Exists(program))
        {
            throw new EngineException($"there is no buildkitd at {program}; give its full path with --engine");
        }

        var answer = await ShortCommand.RunAsync(program, ["--version"], cancellation);
        var text = answer.Output.Trim();
        CheckVersion(program, EngineVersion.Find(text)
            ?? throw new EngineException($"{program} --version says \"{text}\": that is no buildkitd"));
        return new EngineFacts(EngineVersion.Find(text)!.ToString(), [MachineArchitecture.Name]) { Emulated = [.. Emulators.Find().Union(OwnEmulators())] };
    }

    /// <summary>BuildKit's releases bring emulators of their own, which buildkitd uses where the kernel has none.</summary>
    private IEnumerable<string> OwnEmulators() =>
        from own in new[] { (Program: "buildkit-qemu-x86_64", Target: "amd64"), (Program: "buildkit-qemu-aarch64", Target: "arm64") }
        where ShortCommand.Find(own.Program, SearchPath) is not null
        select own.Target;

    /// <summary>Builds from source report 0.0.0 and are taken at their word.</summary>
    public static void CheckVersion(string what, Version version)
    {
        if (version.Major == 0 && version.Minor > 0 && version < VersionMin)
        {
            throw new EngineException($"buildkitd {version} ({what}) is too old: Slipway needs {VersionMin} or newer; "
                + "install a newer BuildKit release");
        }
    }

    public async Task<EngineLaunch?> PrepareAsync(EngineFolder folder, CacheBudget budget, CancellationToken cancellation)
    {
        var subnet = Libc.EffectiveUserId() == 0 ? await EngineNetwork.CreateAsync(folder, options, cancellation) : null;
        if (subnet is null)
        {
            log.LogWarning("this builder is not root: the engine and its build steps use this machine's network");
        }

        var configuration = Path.Combine(folder.Run, "buildkitd.toml");
        await File.WriteAllTextAsync(configuration, Configure(folder, budget, subnet), cancellation);
        return new EngineLaunch(program,
            ["--config", configuration, "--root", folder.Root, "--addr", "unix://" + folder.Socket])
        {
            NetworkNamespace = subnet is null ? null : EngineNetwork.PathOf(folder),
            Preamble = subnet is null ? "" : subnet.Preamble(options) + NameServers.Preamble(folder, subnet),
        };
    }

    public Task<Stream> ConnectAsync(EngineFolder folder, CancellationToken cancellation) =>
        EngineTransport.ConnectAsync(folder.Address, dockerUpgrade: false, cancellation);

    public Task CleanUpAsync(EngineFolder folder, CancellationToken cancellation) => EngineNetwork.RemoveAsync(folder, options, cancellation);

    /// <summary>Folders with the program's own companions (runc, network plugins, emulators) first.</summary>
    private string SearchPath => Path.GetDirectoryName(program) + ":" + options.SearchPath;

    private string Configure(EngineFolder folder, CacheBudget budget, EngineSubnet? subnet)
    {
        var disk = new DriveInfo(folder.Root);
        var text = new StringBuilder();
        text.AppendLine("# Written by slipway at every start.");
        // No entitlement may be had, and without this line buildkitd would add "device" by itself.
        text.AppendLine("insecure-entitlements = []");
        text.AppendLine("[cdi]\n  disabled = true");
        text.AppendLine("[history]\n  maxAge = \"48h\"\n  maxEntries = 50");
        text.AppendLine("[worker.containerd]\n  enabled = false");
        text.AppendLine("[worker.oci]\n  enabled = true\n  gc = true");
        text.AppendLine(CultureInfo.InvariantCulture, $"  defaultCgroupParent = \"/{folder.CgroupName}\"");
        if (options.MaxParallelism is { } parallelism)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"  max-parallelism = {parallelism}");
        }

        // Without BuildKit's network plugin, steps share the engine's namespace.
        if (subnet is not null && ShortCommand.Find("buildkit-cni-bridge", SearchPath) is not null)
        {
            text.AppendLine(CultureInfo.InvariantCulture,
                $"  networkMode = \"bridge\"\n  bridgeName = \"steps0\"\n  bridgeSubnet = \"{subnet.StepNetwork}\"");
        }

        if (budget.KeepDays > 0)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"  [[worker.oci.gcpolicy]]\n    all = true\n    keepDuration = \"{budget.KeepDays * 24}h\"");
        }

        text.AppendLine(CultureInfo.InvariantCulture,
            $"  [[worker.oci.gcpolicy]]\n    all = true\n    maxUsedSpace = \"{budget.UsedBytesMax(disk)}\"\n    minFreeSpace = \"{CacheBudget.FreeBytesGoal(disk)}\"");
        AppendRegistries(text);
        return text.ToString();
    }

    private void AppendRegistries(StringBuilder text)
    {
        foreach (var registry in options.InsecureRegistries)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"[registry.{Quote(registry)}]\n  http = true\n  insecure = true");
        }

        if (options.RegistryMirrors.Count > 0)
        {
            var mirrors = options.RegistryMirrors.Select(mirror => Quote(mirror.Split("://")[^1].TrimEnd('/')));
            text.AppendLine(CultureInfo.InvariantCulture, $"[registry.\"docker.io\"]\n  mirrors = [{string.Join(", ", mirrors)}]");
        }
    }

    private static string Quote(string text) => "\"" + text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal) + "\"";
}
