using System.Text;
using Depot.Cli.Build;
using Depot.Cli.Docker;
using Slipway.Bake.Definition;
using Slipway.BuildKit;

namespace Depot.Cli.Bake;

/// <summary>A target of one project, resolved and checked: what <c>depot build</c> would know of it before it asks a server.</summary>
internal sealed class BakeTarget : IDisposable
{
    private BakeTarget(Target target, BuildPlan plan) => (Target, Plan) = (target, plan);

    public string Name => Target.Name;

    public Target Target { get; }

    public BuildPlan Plan { get; private set; }

    /// <param name="several">Whether it is one target of several that are built.</param>
    public static async Task<BakeTarget> ResolveAsync(CliContext cli, Target target, BakeArguments arguments, bool several, CancellationToken cancellation)
    {
        try
        {
            var plan = await BuildPlan.ResolveAsync(TargetArguments.Of(target, arguments, several), cli, DockerfileOf(target), cancellation);
            if (TargetArguments.Links(target).Any())
            {
                AddContextsCapability(plan);
            }

            if (plan.Call is not null)
            {
                NameContexts(plan, target);
            }

            return new BakeTarget(target, plan);
        }
        catch (Exception problem) when (problem is CliException or InputException or Flags.FlagException)
        {
            throw Named(target.Name, problem);
        }
    }

    /// <summary>buildx names the target before what went wrong with it.</summary>
    public static CliException Named(string target, Exception problem)
    {
        const string build = "failed to build: ";
        var message = problem.Message.StartsWith(build, StringComparison.Ordinal) ? problem.Message[build.Length..] : problem.Message;
        var known = problem as CliException;
        return new CliException($"target {target}: {message}", known?.ExitCode ?? ExitCode.Failed, problem) { Remedy = known?.Remedy, Excerpt = known?.Excerpt };
    }

    /// <param name="docker">Null where there is none, and nobody asked for it in words.</param>
    public void UseDocker(LocalDocker? docker) => Plan = docker is null ? Plan.WithoutLoad() : Plan.ForDocker(docker.UsesContainerdStore);

    public void Dispose() => Plan.Dispose();

    /// <summary>A frontend that knows no named contexts must say so, and not build without them.</summary>
    private static void AddContextsCapability(BuildPlan plan)
    {
        const string contexts = "moby.buildkit.frontend.contexts+forward";
        var known = plan.Attributes.GetValueOrDefault("frontend.caps", "");
        plan.Attributes["frontend.caps"] = string.Join(',',
            known.Split(',', StringSplitOptions.RemoveEmptyEntries).Append(contexts).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal));
    }

    /// <summary>A question is asked before anything is built: the frontend hears that a context is another target, which it refuses where it needs it, as
    /// with buildx. Unnamed, it would be taken for an image of that name.</summary>
    private static void NameContexts(BuildPlan plan, Target target)
    {
        foreach (var (name, needed) in TargetArguments.Links(target))
        {
            plan.Attributes[$"context:{name}"] = $"target:{needed}";
        }
    }

    private static MemoryStream DockerfileOf(Target target) => new(Encoding.UTF8.GetBytes(target.DockerfileInline ?? ""));
}
