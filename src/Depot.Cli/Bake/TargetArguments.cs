using Depot.Cli.Build;
using Slipway.Bake.Definition;
using Slipway.Bake.Functions;

namespace Depot.Cli.Bake;

/// <summary>A target as if somebody had written it out on the command line of <c>depot build</c>.</summary>
internal static class TargetArguments
{
    private const string Here = "cwd://";
    private const string Link = "target:";

    /// <param name="several">Whether it is one target of several that are built.</param>
    public static BuildArguments Of(Target target, BakeArguments bake, bool several)
    {
        var arguments = new BuildArguments
        {
            Context = target.Context!,
            File = Dockerfile(target),
            BuildPlatform = bake.BuildPlatform,
            Call = bake.Call is "build" or "" ? target.Call ?? "" : bake.Call,
            Lint = bake.Lint,
            LintFailOn = bake.LintFailOn,
            MetadataFile = bake.MetadataFile,
            Network = target.Network ?? "default",
            NoCache = target.NoCache ?? false,
            Pull = target.Pull ?? false,
            Save = bake.Save && !target.IsLinked,
            SbomFolder = target.IsLinked ? "" : bake.SbomFolder,
            SbomTarget = several ? target.Name : "",
            ShmSizeBytes = target.ShmSize is { Length: > 0 } size ? MemorySize.Parse(size) : 0,
            Target = target.Stage ?? "",
        };
        arguments.AddHosts.AddRange(Pairs(target.ExtraHosts));
        arguments.Allow.AddRange(target.Entitlements ?? []);
        arguments.Annotations.AddRange(target.Annotations ?? []);
        arguments.Attests.AddRange((target.Attest ?? []).Select(entry => entry.Text));
        arguments.BuildArgs.AddRange(Pairs(target.Args));
        arguments.BuildContexts.AddRange((target.Contexts ?? []).Where(context => !IsLink(context.Value)).Select(context => $"{context.Key}={Local(context.Value)}"));
        arguments.CacheFrom.AddRange((target.CacheFrom ?? []).Select(entry => entry.Text));
        arguments.CacheTo.AddRange((target.CacheTo ?? []).Select(entry => entry.Text));
        arguments.Labels.AddRange(Pairs(target.Labels));
        arguments.NoCacheFilter.AddRange(target.NoCacheFilter ?? []);
        arguments.Outputs.AddRange((target.Outputs ?? []).Select(entry => entry.Text));
        arguments.Platforms.AddRange(target.Platforms ?? []);
        arguments.SaveTags.AddRange(bake.SaveTags);
        arguments.Secrets.AddRange((target.Secrets ?? []).Select(entry => entry.Text));
        arguments.Ssh.AddRange(Agents(target));
        arguments.Tags.AddRange(target.Tags ?? []);
        arguments.Ulimits.AddRange((target.Ulimits ?? []).Select(Ulimit.Parse));
        return arguments;
    }

    /// <summary>The contexts that are other targets, by name.</summary>
    public static IEnumerable<(string Name, string Target)> Links(Target target) =>
        (target.Contexts ?? []).Where(context => IsLink(context.Value)).Select(context => (context.Key, context.Value[Link.Length..]));

    public static bool IsLink(string context) => context.StartsWith(Link, StringComparison.Ordinal);

    /// <summary>A path of this machine, wherever the definition came from.</summary>
    public static string Local(string path) => path.StartsWith(Here, StringComparison.Ordinal) ? PathFunctions.Clean(path[Here.Length..]) : path;

    /// <summary>A Dockerfile in the definition itself is handed over as standard input is.</summary>
    private static string Dockerfile(Target target)
    {
        if (target.DockerfileInline is not null)
        {
            return "-";
        }

        var file = target.Dockerfile!;
        return file.StartsWith(Here, StringComparison.Ordinal) ? Path.GetFullPath(Local(file))
            : RemoteSource.IsRemote(target.Context!) || Path.IsPathRooted(file) ? PathFunctions.Clean(file)
            : Path.Combine(target.Context!, PathFunctions.Clean(file));
    }

    private static IEnumerable<string> Agents(Target target) =>
        target.Ssh is { Count: > 0 } given ? given.Select(entry => entry.Text)
        : RemoteSource.IsGitOverSsh(target.Context!) ? ["default"] : [];

    private static IEnumerable<string> Pairs(SortedDictionary<string, string?>? entries) =>
        (entries ?? []).Where(entry => entry.Value is not null).Select(entry => $"{entry.Key}={entry.Value}");
}
