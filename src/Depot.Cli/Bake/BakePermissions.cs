using Depot.Cli.Build;
using Depot.Cli.Flags;
using Depot.Cli.Rendering;
using Slipway.Bake.Definition;

namespace Depot.Cli.Bake;

/// <summary>What the targets want of this machine and of the builder beyond what <c>--allow</c> permits. The working folder is always permitted.</summary>
internal sealed class BakePermissions
{
    private readonly List<(string What, string Flag)> _privileges = [];
    private readonly List<(string What, string Flag)> _files = [];

    private BakePermissions(CliContext cli, BakeRequest request)
    {
        var grants = request.Grants;
        var targets = request.Plan.Targets.Values.ToList();
        AddPrivileges(targets, grants);
        if (!grants.Agent && targets.Exists(target => target.Ssh?.Exists(ssh => ssh.Paths.Count == 0) == true))
        {
            _files.Add(("Forwarding default SSH agent socket", "ssh"));
        }

        var read = Missing(targets.SelectMany(ReadPaths), grants.Read, cli.WorkingFolder);
        var write = Missing(targets.SelectMany(WrittenPaths), grants.Write, cli.WorkingFolder);
        _files.AddRange(read.Intersect(write).Select(path => ($"Read and write access to path {path}", $"fs={path}")));
        _files.AddRange(read.Except(write).Select(path => ($"Read access to path {path}", $"fs.read={path}")));
        _files.AddRange(write.Except(read).Select(path => ($"Write access to path {path}", $"fs.write={path}")));
    }

    /// <summary>Asks on a terminal; elsewhere refuses. Compose, which reads the progress as JSON, grants by itself what it needs.</summary>
    public static async Task CheckAsync(
        CliContext cli, BakeRequest request, DefinitionSource source, ProgressMode mode, IProgressRenderer display, CancellationToken cancellation)
    {
        var permissions = new BakePermissions(cli, request);
        var wanted = permissions._privileges.Concat(ChecksFiles(cli, source) ? permissions._files : []).ToList();
        if (wanted.Count == 0 || mode == ProgressMode.RawJson)
        {
            return;
        }

        var question = Question(wanted);
        if (cli.Terminal.InIsTerminal && cli.Terminal.ErrIsTerminal)
        {
            cli.Error.Write($"{question}\nGrant this and go on? [y/N] ");
            using var reader = new StreamReader(cli.Terminal.In, leaveOpen: true);
            if ((await reader.ReadLineAsync(cancellation))?.Trim() is "y" or "Y")
            {
                return;
            }
        }
        else
        {
            await display.CompleteAsync();
            cli.Error.Write(question);
        }

        throw new CliException("additional privileges requested");
    }

    private static string Question(List<(string What, string Flag)> wanted) =>
        $"""
        Your build is requesting privileges for following possibly insecure capabilities:

        {string.Join('\n', wanted.Select(one => $" - {one.What}"))}

        Pass {GoText.Quote(string.Join(' ', wanted.Select(one => $"--allow={one.Flag}")))} to grant requested privileges.

        """;

    private static bool ChecksFiles(CliContext cli, DefinitionSource source)
    {
        bool? Truth(string name) => cli.Settings.Variable(name) is { Length: > 0 } value
            ? FlagTable.TryParseBool(value) ?? throw new CliException($"failed to parse {name} value {GoText.Quote(value)}: it must be true or false")
            : null;
        return Truth("BUILDX_BAKE_ENTITLEMENTS_FS") ?? !(source.Url.Length > 0 && Truth("BAKE_ALLOW_REMOTE_FS_ACCESS") == true);
    }

    private void AddPrivileges(List<Target> targets, Grants grants)
    {
        var entitlements = targets.SelectMany(target => target.Entitlements ?? []).Distinct(StringComparer.Ordinal).ToList();
        if (entitlements.Contains("network.host") && !grants.HostNetwork)
        {
            _privileges.Add(("Running build containers that can access host network", "network.host"));
        }

        if (entitlements.Contains("security.insecure") && !grants.Insecure)
        {
            _privileges.Add(("Running privileged containers that can make system changes", "security.insecure"));
        }

        foreach (var device in entitlements.Where(entitlement => entitlement.StartsWith("device", StringComparison.Ordinal)))
        {
            var name = device == "device" ? "" : Grants.Device(device["device=".Length..]);
            if (!grants.AllDevices && !grants.Devices.Contains(name))
            {
                _privileges.Add(name.Length == 0 ? ("Access to CDI devices", "device") : ($"Access to device {name}", $"device={name}"));
            }
        }
    }

    private static IEnumerable<string> ReadPaths(Target target)
    {
        var context = target.Context!;
        if (!RemoteSource.IsRemote(context))
        {
            yield return context;
        }

        if (target.DockerfileInline is null && (!RemoteSource.IsRemote(context) || Path.IsPathRooted(target.Dockerfile!)))
        {
            yield return Path.Combine(context, TargetArguments.Local(target.Dockerfile!));
        }

        foreach (var path in (target.Contexts?.Values ?? Enumerable.Empty<string>()).Where(IsLocal))
        {
            yield return TargetArguments.Local(path);
        }

        foreach (var path in (target.CacheFrom ?? []).Where(cache => cache.Type == "local").Select(cache => cache.Attributes.GetValueOrDefault("src", ""))
            .Concat((target.Secrets ?? []).Select(secret => secret.File))
            .Concat((target.Ssh ?? []).SelectMany(ssh => ssh.Paths))
            .Where(path => path.Length > 0))
        {
            yield return path;
        }
    }

    private static bool IsLocal(string context) =>
        !RemoteSource.IsRemote(context) && !TargetArguments.IsLink(context) && !context.StartsWith("docker-image:", StringComparison.Ordinal);

    private static IEnumerable<string> WrittenPaths(Target target) =>
        (target.CacheTo ?? []).Where(cache => cache.Type == "local").Select(cache => cache.Attributes.GetValueOrDefault("dest", ""))
        .Concat((target.Outputs ?? []).Select(output => output.Destination))
        .Where(path => path is not ("" or "-"));

    private static IReadOnlyList<string> Missing(IEnumerable<string> paths, List<string> granted, string workingFolder)
    {
        if (granted.Contains("*"))
        {
            return [];
        }

        var folders = granted.Append(workingFolder).Select(path => RealPath.Of(path, workingFolder)).Select(path => Path.Combine(path.Existing, path.Missing)).ToList();
        var outside = paths.Select(path => RealPath.Of(path, workingFolder))
            .Where(path => !folders.Exists(folder => RealPath.IsWithin(Path.Combine(path.Existing, path.Missing), folder)))
            .Select(path => path.Existing).Distinct(StringComparer.Ordinal).ToList();
        return [.. outside.Where(path => !outside.Exists(other => other != path && RealPath.IsWithin(path, other))).Order(StringComparer.Ordinal)];
    }
}
