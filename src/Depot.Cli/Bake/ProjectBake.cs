using Depot.Cli.Build;
using Depot.Cli.ControlPlane;
using Depot.Cli.Docker;
using Depot.Cli.Rendering;
using Slipway.BuildKit.Progress;
using Slipway.BuildKit.Wire.Control;
using Slipway.Contract.Depot.Cli.V1;

namespace Depot.Cli.Bake;

/// <summary>The targets of one project: one record of the server's, one builder of each architecture, all targets side by side.</summary>
internal sealed class ProjectBake : IAsyncDisposable
{
    private readonly List<(BakeTarget Resolved, BuildTarget Opened)> _targets = [];
    private readonly string _projectId;
    private RemoteBuild? _build;

    private ProjectBake(string projectId) => _projectId = projectId;

    /// <param name="names">Whether steps say which target they belong to.</param>
    public static async Task<ProjectBake> OpenAsync(
        CliContext cli, string projectId, IEnumerable<BakeTarget> targets, LocalDocker? docker, RegistryLogins logins, IProgressRenderer display, bool names, CancellationToken cancellation)
    {
        var bake = new ProjectBake(projectId);
        try
        {
            foreach (var target in targets)
            {
                var steps = new VertexWriter(TargetProgress.Named(display.Write, names ? target.Name : null), cli.Clock);
                bake._targets.Add((target, await BuildTarget.OpenAsync(cli, target.Plan, docker, logins, steps, cancellation)));
            }

            return bake;
        }
        catch
        {
            await bake.DisposeAsync();
            throw;
        }
    }

    /// <summary>Builds all targets; the first failure ends the others.</summary>
    public async Task<IReadOnlyList<BakeResult>> RunAsync(
        CliContext cli, Credentials credentials, RegistryLogins logins, IProgressRenderer display, WarningLog warnings, bool names, CancellationToken cancellation)
    {
        var build = _build = await RemoteBuild.OpenAsync(cli, Describe(), credentials, logins, new VertexWriter(display.Write, cli.Clock), cancellation);
        var folders = new SharedFolders(_targets.Select(target => target.Opened));
        return await build.RunAsync<IReadOnlyList<BakeResult>>(
            async builders => await FirstFailure.OfAllAsync<BakeResult>(
                _targets.Select(target => (Func<CancellationToken, Task<BakeResult>>)(stop => RunAsync(
                    cli, build, target.Resolved, target.Opened, folders, builders, warnings.Before(TargetProgress.Named(display.Write, names ? target.Resolved.Name : null)), names, stop))),
                cancellation),
            cancellation);
    }

    public void PrintSummary() => _build?.PrintSummary();

    public async ValueTask DisposeAsync()
    {
        if (_build is not null)
        {
            await _build.DisposeAsync();
        }

        foreach (var (_, opened) in _targets)
        {
            await opened.DisposeAsync();
        }
    }

    private CreateBuildRequest Describe()
    {
        var request = new CreateBuildRequest { ProjectId = _projectId };
        foreach (var (target, _) in _targets)
        {
            var options = BuildCommand.Describe(target.Plan, Command.Bake);
            options.TargetName = target.Name;
            request.Options.Add(options);
        }

        return request;
    }

    private async Task<BakeResult> RunAsync(
        CliContext cli, RemoteBuild build, BakeTarget target, BuildTarget opened, SharedFolders folders, BuilderSet builders, Action<StatusResponse> show, bool names, CancellationToken cancellation)
    {
        try
        {
            if (target.Plan.Call is { } call)
            {
                return new BakeResult(target, BuildResult.None, build, await opened.CallAsync(builders, call, show, cancellation));
            }

            if (target.Plan.Lint is { } lint)
            {
                // The check looks into what the Dockerfile begins with: of a target that is built on others they must be there.
                var answer = await opened.CallAsync(builders, new CallSpec("lint"), async solve => LinksOf(await ContextsAsync(target, solve, cancellation)), show, cancellation);
                lint.Judge(answer, target.Plan.DockerfileName, cli.Error);
            }

            if (target.Plan.Saves)
            {
                opened.SaveAs([.. build.SavedNames.Select(name => $"{name}-{target.Name}")]);
            }

            return new BakeResult(target, await opened.RunAsync(builders, solve => LinksAsync(target, opened, solve, folders, cancellation), show, cancellation), build);
        }
        catch (CliException problem)
        {
            throw names ? BakeTarget.Named(target.Name, problem) : problem;
        }
    }

    private async Task<SolveLinks> LinksAsync(
        BakeTarget target, BuildTarget opened, BuilderSolve solve, SharedFolders folders, CancellationToken cancellation)
    {
        var attributes = new Dictionary<string, string>(await folders.AttributesAsync(opened, solve, cancellation), StringComparer.Ordinal);
        var links = LinksOf(await ContextsAsync(target, solve, cancellation));
        foreach (var (key, value) in links.Attributes)
        {
            attributes[key] = value;
        }

        return links with { Attributes = attributes, WantsFrontendResult = IsNeeded(target) };
    }

    private static SolveLinks LinksOf(LinkedContexts contexts) => new() { Attributes = contexts.Attributes, Inputs = contexts.Inputs };

    /// <summary>The contexts that are other targets, which are built first.</summary>
    private async Task<LinkedContexts> ContextsAsync(BakeTarget target, BuilderSolve solve, CancellationToken cancellation)
    {
        var contexts = new LinkedContexts();
        foreach (var (context, needed) in TargetArguments.Links(target.Target))
        {
            var other = await NeededAsync(needed, solve).WaitAsync(cancellation);
            contexts.Add(context, needed, await other.FrontendResult.WaitAsync(cancellation));
        }

        return contexts;
    }

    private bool IsNeeded(BakeTarget target) => _targets.Exists(other => TargetArguments.Links(other.Resolved.Target).Any(link => link.Target == target.Name));

    private async Task<BuilderSolve> NeededAsync(string name, BuilderSolve user) =>
        await _targets.Find(target => target.Resolved.Name == name).Opened.OnBuilderOfAsync(user)
            ?? throw new CliException($"target {name} is not built on the {user.Builder.Architecture} builder, which a target that uses it needs")
            {
                Remedy = "Give both the same platforms, or choose one machine for both with --build-platform.",
            };
}
