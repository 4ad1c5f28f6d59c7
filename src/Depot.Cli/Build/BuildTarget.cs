using Depot.Cli.ControlPlane;
using Depot.Cli.Docker;
using Depot.Cli.Registries;
using Slipway.BuildKit;
using Slipway.BuildKit.Progress;
using Slipway.BuildKit.Wire.Control;

namespace Depot.Cli.Build;

/// <summary>One thing to build, with everything of this machine that it needs already open: one Solve on each builder that takes part.</summary>
internal sealed class BuildTarget : IAsyncDisposable
{
    private readonly CliContext _cli;
    private readonly RegistryLogins _logins;
    private readonly VertexWriter _steps;
    private readonly SessionServices _services;
    private readonly DockerLoad? _load;
    private BuildPlan _plan;

    /// <summary>The image for the local Docker, where it needs a Solve of its own (<see cref="BuildPlan.LoadsApart"/>).</summary>
    private readonly BuildPlan? _loaded;
    private OutputAssembly _assembly;
    private readonly TaskCompletionSource<IReadOnlyList<BuilderSolve>> _placed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private BuildTarget(
        CliContext cli, BuildPlan plan, BuildPlan? loaded, RegistryLogins logins, VertexWriter steps, SessionServices services, DockerLoad? load)
    {
        (_cli, _plan, _loaded, _logins, _steps, _services, _load) = (cli, plan, loaded, logins, steps, services, load);
        _assembly = new OutputAssembly(plan.Outputs);
    }

    public BuildPlan Plan => _plan;

    public static async Task<BuildTarget> OpenAsync(
        CliContext cli, BuildPlan plan, LocalDocker? docker, RegistryLogins logins, VertexWriter steps, CancellationToken cancellation)
    {
        var loaded = docker is not null && plan.LoadsApart ? plan.ForLoadOf(docker.Platform) : null;
        var services = await OpenServicesAsync(cli, plan, logins, cancellation);
        var load = docker is null || !plan.Loads ? null : LoadOf(plan, docker, steps, cli.Clock, cancellation);
        return new BuildTarget(cli, loaded is null ? plan : plan.WithoutLoad(), loaded, logins, steps, services, load);
    }

    private static DockerLoad LoadOf(BuildPlan plan, LocalDocker docker, VertexWriter steps, TimeProvider clock, CancellationToken cancellation)
    {
        var names = plan.Outputs.First(output => output.Target == OutputTarget.Docker).Attributes.GetValueOrDefault("name", "")
            .Split(',', StringSplitOptions.RemoveEmptyEntries).Select(ImageReference.Canonical).ToList();
        return new DockerLoad(docker, names, repeatable: plan.Inputs.UploadedContext is null, steps, clock, cancellation);
    }

    private static async Task<SessionServices> OpenServicesAsync(CliContext cli, BuildPlan plan, RegistryLogins logins, CancellationToken cancellation)
    {
        try
        {
            return await SessionServices.OpenAsync(cli, plan, logins.Auth, cancellation);
        }
        catch (InputException problem)
        {
            throw new CliException($"failed to build: {problem.Message}", inner: problem);
        }
    }

    /// <summary>Says under which names the image is saved; before it is built.</summary>
    public void SaveAs(IReadOnlyList<string> names)
    {
        _plan = _plan.SavedAs(names);
        _assembly = new OutputAssembly(_plan.Outputs);
    }

    /// <summary>Builds, on all of its builders at once.</summary>
    /// <param name="show">Takes the progress of every Solve.</param>
    public Task<BuildResult> RunAsync(BuilderSet builders, Action<StatusResponse> show, CancellationToken cancellation) =>
        RunAsync(builders, _ => Task.FromResult(SolveLinks.None), show, cancellation);

    /// <param name="links">Asked for each Solve when its builder is there and its session is open; may wait for the Solves of other targets.</param>
    /// <inheritdoc cref="RunAsync(BuilderSet, Action{StatusResponse}, CancellationToken)"/>
    public async Task<BuildResult> RunAsync(
        BuilderSet builders, Func<BuilderSolve, Task<SolveLinks>> links, Action<StatusResponse> show, CancellationToken cancellation)
    {
        try
        {
            var leases = await builders.LeaseAsync(_plan.Architectures);
            var solves = await PlaceAsync(leases, builders.ProjectId, cancellation);
            var works = solves.Select(solve => Work(async stop => await solve.RunAsync(await links(solve), show, _cli.Clock, stop)));
            if (_loaded is not null)
            {
                works = works.Append(Work(stop => LoadAsync(leases, solves, builders.ProjectId, links, show, stop)));
            }

            var answers = await FirstFailure.OfAllAsync(works, cancellation);
            return await ResultAsync(answers, solves, cancellation);
        }
        finally
        {
            _placed.TrySetCanceled(CancellationToken.None);
        }
    }

    /// <summary>Asks the frontend something instead of building.</summary>
    public Task<CallAnswer> CallAsync(BuilderSet builders, CallSpec call, Action<StatusResponse> show, CancellationToken cancellation) =>
        CallAsync(builders, call, _ => Task.FromResult(new SolveLinks()), show, cancellation);

    /// <param name="link">What the question's Solve gets of others.</param>
    public async Task<CallAnswer> CallAsync(
        BuilderSet builders, CallSpec call, Func<BuilderSolve, Task<SolveLinks>> link, Action<StatusResponse> show, CancellationToken cancellation)
    {
        var plan = _plan.ForCall(call);
        var lease = await builders.LeaseAsync(plan.Architectures[0]);
        var solve = new BuilderSolve(plan, _services, load: null, lease, builders.ProjectId);
        await solve.OpenSessionAsync(cancellation);
        var answer = await solve.RunAsync(await link(solve) with { WantsFrontendResult = true }, show, _cli.Clock, cancellation);
        return CallAnswer.Of(call, answer.Frontend!.Metadata);
    }

    /// <summary>This target's Solve on the builder where <paramref name="other"/> runs, its session open; null when it is not built there.</summary>
    public async Task<BuilderSolve?> OnBuilderOfAsync(BuilderSolve other) =>
        (await _placed.Task).FirstOrDefault(solve => solve.Builder.Engine == other.Builder.Engine);

    public async ValueTask DisposeAsync()
    {
        if (_load is not null)
        {
            await _load.DisposeAsync();
        }

        _assembly.Dispose();
        await _services.DisposeAsync();
    }

    /// <summary>One share for each engine; where one engine serves all architectures, the whole build is its own.</summary>
    private async Task<IReadOnlyList<BuilderSolve>> PlaceAsync(BuilderLease[] leases, string projectId, CancellationToken cancellation)
    {
        var engines = leases.DistinctBy(lease => lease.Engine).ToList();
        var load = _loaded is null ? _load : null;
        var solves = engines.Select(lease => new BuilderSolve(
            engines.Count == 1 ? _plan : ShareOf(lease.Architecture), _services, load, lease, projectId)).ToList();
        foreach (var solve in solves)
        {
            await solve.OpenSessionAsync(cancellation);
        }

        _placed.TrySetResult(solves);
        return solves;
    }

    private BuildPlan ShareOf(string architecture) => (_plan with { Outputs = _assembly.ShareOf(architecture) }).ForBuilder(architecture);

    /// <summary>Builds the local Docker's platform once more, beside the others: the same steps of the same folders, so that BuildKit runs them once.</summary>
    private async Task<SolveAnswer> LoadAsync(
        BuilderLease[] leases, IReadOnlyList<BuilderSolve> solves, string projectId, Func<BuilderSolve, Task<SolveLinks>> links,
        Action<StatusResponse> show, CancellationToken cancellation)
    {
        if (_plan.Platforms.Count > 1)
        {
            _steps.Start($"[depot] loading {_loaded!.Platforms[0]} of {string.Join(',', _plan.Platforms)}").Complete();
        }

        var architecture = _loaded!.Architectures[0];
        var engine = leases.First(lease => lease.Architecture == architecture).Engine;
        var main = solves.First(solve => solve.Builder.Engine == engine);
        var solve = new BuilderSolve(_loaded, _services, _load, main.Builder, projectId);
        await solve.OpenSessionAsync(cancellation);
        var given = await links(main);
        return await solve.RunAsync(given.WithFolders(_plan.Inputs.Folders.Keys, main.SessionId), show, _cli.Clock, cancellation);
    }

    private async Task<BuildResult> ResultAsync(SolveAnswer[] answers, IReadOnlyList<BuilderSolve> solves, CancellationToken cancellation)
    {
        var shares = answers[..solves.Count];
        var preferImageDigest = (_loaded ?? _plan).Outputs.Any(output => output.PreferImageDigest);
        var image = await DeliverAsync(shares, solves[0].Plan, cancellation);
        if (shares.Length > 1 && _plan.Outputs.FirstOrDefault(output => output.Pushes) is { } pushed)
        {
            var list = new ManifestListPush(_logins.Registries, _steps);
            image = await list.PushAsync(pushed.Names, shares.Select(answer => answer.Exported).ToList(), cancellation);
        }

        image ??= (answers.FirstOrDefault(answer => answer.Exported.ContainsKey(BuildResult.ImageDigest)) ?? answers[0]).Exported;
        return new BuildResult(Joined(image, answers), preferImageDigest);
    }

    /// <summary>Finishes what was written on this machine.</summary>
    /// <param name="placed">The plan as the builders got it.</param>
    /// <returns>What is to be said of an image that was put together here.</returns>
    private async Task<IReadOnlyDictionary<string, string>?> DeliverAsync(SolveAnswer[] shares, BuildPlan placed, CancellationToken cancellation)
    {
        try
        {
            var layouts = new LayoutResults(shares, _cli.Clock);
            foreach (var cache in _plan.LocalCacheExports)
            {
                await layouts.WriteCacheAsync(cache, cancellation);
            }

            var image = placed.Outputs.FirstOrDefault(output => output.Target == OutputTarget.Layout) is { } output
                ? await layouts.WriteImageAsync(output, cancellation)
                : null;
            await _assembly.WriteAsync(cancellation);
            _services.DeleteOthers();
            return image;
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new CliException($"failed to build: {problem.Message}", inner: problem);
        }
    }

    /// <summary>Of the whole, and beside it what every builder says of its own share.</summary>
    private static Dictionary<string, string> Joined(IReadOnlyDictionary<string, string> whole, IEnumerable<SolveAnswer> answers)
    {
        var joined = new Dictionary<string, string>(whole, StringComparer.Ordinal);
        foreach (var (key, value) in answers.SelectMany(answer => answer.Exported).Where(entry => entry.Key.StartsWith("buildx.", StringComparison.Ordinal)))
        {
            joined.TryAdd(key, value);
        }

        return joined;
    }

    private static Func<CancellationToken, Task<SolveAnswer>> Work(Func<CancellationToken, Task<SolveAnswer>> work) => work;
}
