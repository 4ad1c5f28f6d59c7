using Depot.Cli.Build;
using Depot.Cli.ControlPlane;
using Depot.Cli.Docker;
using Depot.Cli.Rendering;
using Depot.Cli.Settings;
using Slipway.Bake.Definition;
using Slipway.BuildKit.Progress;

namespace Depot.Cli.Bake;

/// <summary>Builds the targets of a definition: those of every project at the same time.</summary>
internal sealed class BakeRun(CliContext cli, BakeArguments arguments, BakePlan plan)
{
    /// <summary>Steps carry their target's name where there are several.</summary>
    private bool Names => plan.Targets.Count > 1;

    /// <summary>What the frontends warned of, for the metadata file.</summary>
    public WarningLog Warnings { get; } = new(cli.Settings.MetadataWarnings);

    /// <exception cref="CliException">A target failed, or cannot be built as it is written.</exception>
    public async Task<IReadOnlyList<BakeResult>> RunAsync(IProgressRenderer display, CancellationToken cancellation)
    {
        using var credentials = Credentials.Resolve(arguments.Token, cli);
        var resolved = new List<(string Project, BakeTarget Target)>();
        var projects = new List<ProjectBake>();
        using var logins = new RegistryLogins(cli, new VertexWriter(display.Write, cli.Clock));
        LocalDocker? docker = null;
        try
        {
            await ResolveAsync(resolved, cancellation);
            docker = await ConnectDockerAsync(resolved, cancellation);
            resolved.SelectMany(target => target.Target.Plan.Warnings).Distinct(StringComparer.Ordinal).ToList().ForEach(cli.Warn);
            WarnOfNoOutput(docker, [.. resolved.Where(target => target.Target.Plan.Call is null).Select(target => target.Target.Name)]);
            foreach (var project in resolved.GroupBy(target => target.Project))
            {
                projects.Add(await ProjectBake.OpenAsync(cli, project.Key, project.Select(target => target.Target), docker, logins, display, Names, cancellation));
            }

            return await RunAsync(projects, credentials, logins, display, cancellation);
        }
        finally
        {
            await display.CompleteAsync();
            foreach (var project in projects)
            {
                project.PrintSummary();
                await project.DisposeAsync();
            }

            resolved.ForEach(target => target.Target.Dispose());
            await (docker?.DisposeAsync() ?? ValueTask.CompletedTask);
        }
    }

    private async Task<IReadOnlyList<BakeResult>> RunAsync(
        List<ProjectBake> projects, Credentials credentials, RegistryLogins logins, IProgressRenderer display, CancellationToken cancellation)
    {
        var results = await FirstFailure.OfAllAsync(
            projects.Select(project => (Func<CancellationToken, Task<IReadOnlyList<BakeResult>>>)(stop => project.RunAsync(cli, credentials, logins, display, Warnings, Names, stop))),
            cancellation);
        return [.. results.SelectMany(result => result)];
    }

    /// <summary>A target that another project's needs is built there, too: results do not travel between builders.</summary>
    private async Task ResolveAsync(List<(string Project, BakeTarget Target)> resolved, CancellationToken cancellation)
    {
        var fallback = new Lazy<string>(() => ProjectChoice.Find(arguments.Project, cli.Settings, cli.WorkingFolder, arguments.Files, cli.Warn) ?? "");
        foreach (var project in plan.Targets.Values.Where(target => !target.IsLinked).GroupBy(target => target.ProjectId ?? fallback.Value).ToList())
        {
            foreach (var (target, isWanted) in WithNeeded([.. project]))
            {
                resolved.Add((project.Key, await BakeTarget.ResolveAsync(cli, isWanted ? Wanted(target) : BuiltOnly(target), arguments, Names, cancellation)));
            }
        }
    }

    private IEnumerable<(Target Target, bool IsWanted)> WithNeeded(List<Target> wanted)
    {
        var all = new List<Target>(wanted);
        for (var i = 0; i < all.Count; i++)
        {
            all.AddRange(BakePlan.Needs(all[i]).Select(name => plan.Targets[name]).Where(needed => !all.Contains(needed)).Distinct());
        }

        return all.Select(target => (target, wanted.Contains(target)));
    }

    /// <summary>By way of Docker, an image that goes nowhere else goes into the local Docker.</summary>
    private Target Wanted(Target target) => IsLoadImplied(target) ? WithOutput(target, "docker") : target;

    private bool IsLoadImplied(Target target) => cli.LoadsByDefault && !arguments.Save && target.Outputs is not { Count: > 0 };

    private static Target BuiltOnly(Target target)
    {
        var built = WithOutput(target, "cacheonly");
        built.IsLinked = true;
        return built;
    }

    private static Target WithOutput(Target target, string type)
    {
        var built = new Target(target.Name);
        built.Merge(target);
        built.Outputs = [OutputEntry.Of(type)];
        return built;
    }

    private async Task<LocalDocker?> ConnectDockerAsync(List<(string Project, BakeTarget Target)> resolved, CancellationToken cancellation)
    {
        var loading = resolved.Select(target => target.Target).Where(target => target.Plan.Loads).ToList();
        if (loading.Count == 0)
        {
            return null;
        }

        var isImplied = loading.TrueForAll(target => IsLoadImplied(plan.Targets[target.Name]));
        var docker = await BuildCommand.ConnectDockerAsync(loading[0].Plan, cli, isImplied, cancellation);
        loading.ForEach(target => target.UseDocker(docker));
        return docker;
    }

    private void WarnOfNoOutput(LocalDocker? docker, HashSet<string> built)
    {
        if (arguments.Save || (cli.LoadsByDefault && docker is not null))
        {
            return;
        }

        var silent = plan.Targets.Values.Where(target => target.Outputs is not { Count: > 0 } && !target.IsLinked && built.Contains(target.Name)).Select(target => target.Name).ToList();
        if (silent.Count > 0 && !(arguments.SuppressNoOutputWarning ?? cli.Settings.SuppressNoOutputWarning))
        {
            cli.Warn($"No output specified for {string.Join(", ", silent)} target(s) with depot driver. Build result will only remain in the build cache. "
                + "To push result image into registry use --push or to load image into docker use --load");
        }
    }
}
