using Depot.Cli.ControlPlane;
using Depot.Cli.Docker;
using Slipway.BuildKit.Progress;
using Slipway.BuildKit.Wire.Control;

namespace Depot.Cli.Build;

/// <summary>One thing to build, with everything of this machine that it needs already open: one Solve on each builder that takes part.</summary>
internal sealed class BuildTarget : IAsyncDisposable
{
    private readonly CliContext _cli;
    private readonly List<BuilderSolve> _solves = [];

    private BuildTarget(CliContext cli, BuildPlan plan) => (_cli, Plan) = (cli, plan);

    public BuildPlan Plan { get; }

    /// <summary>By architecture; a target for one architecture has one.</summary>
    public IReadOnlyList<BuilderSolve> Solves => _solves;

    public static async Task<BuildTarget> OpenAsync(
        CliContext cli, BuildPlan plan, LocalDocker? docker, RegistryLogins logins, VertexWriter steps, CancellationToken cancellation)
    {
        var target = new BuildTarget(cli, plan);
        try
        {
            target._solves.Add(await BuilderSolve.OpenAsync(cli, plan, docker, logins, steps, cancellation));
            return target;
        }
        catch
        {
            await target.DisposeAsync();
            throw;
        }
    }

    /// <summary>Builds, on all of its builders at once.</summary>
    /// <param name="show">Takes the progress of every Solve.</param>
    public Task<BuildResult> RunAsync(BuilderSet builders, Action<StatusResponse> show, CancellationToken cancellation) =>
        RunAsync(builders, _ => Task.FromResult(SolveLinks.None), show, cancellation);

    /// <param name="links">Asked for each Solve when its builder is there; may wait for the Solves of other targets.</param>
    /// <inheritdoc cref="RunAsync(BuilderSet, Action{StatusResponse}, CancellationToken)"/>
    public async Task<BuildResult> RunAsync(
        BuilderSet builders, Func<BuilderSolve, Task<SolveLinks>> links, Action<StatusResponse> show, CancellationToken cancellation)
    {
        var answers = await FirstFailure.OfAllAsync<SolveAnswer>(
            _solves.Select(solve => (Func<CancellationToken, Task<SolveAnswer>>)(stop => RunAsync(builders, solve, links, show, stop))), cancellation);
        return new BuildResult(answers[0].Exported, Plan.Outputs.Any(output => output.PreferImageDigest));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var solve in _solves)
        {
            await solve.DisposeAsync();
        }
    }

    private async Task<SolveAnswer> RunAsync(
        BuilderSet builders, BuilderSolve solve, Func<BuilderSolve, Task<SolveLinks>> links, Action<StatusResponse> show, CancellationToken cancellation)
    {
        var builder = await builders.LeaseAsync(solve.Architecture);
        await solve.OpenSessionAsync(builder, builders.ProjectId, cancellation);
        return await solve.RunAsync(builder, builders.ProjectId, await links(solve), show, _cli.Clock, cancellation);
    }
}
