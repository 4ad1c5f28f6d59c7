using System.Collections.Frozen;
using Slipway.BuildKit.Content;
using Slipway.BuildKit.Progress;

namespace Depot.Cli.Docker;

/// <summary>One image of a build on its way into the local Docker: what Docker has already stays where it is.</summary>
internal sealed class DockerLoad : IAsyncDisposable
{
    /// <summary>The classic store may need two, and Docker may drop a layer meanwhile.</summary>
    private const int PassesMax = 4;

    private readonly LocalDocker _docker;
    private readonly IReadOnlyList<string> _names;
    private readonly bool _repeatable;
    private readonly LoadProgress _progress;
    private readonly CancellationToken _cancellation;
    private LoadPass _pass;
    private int _passes = 1;

    /// <param name="names">What the image is called, in whole.</param>
    /// <param name="repeatable">The build can be solved again: its context is not a pipe.</param>
    public DockerLoad(
        LocalDocker docker, IReadOnlyList<string> names, bool repeatable, VertexWriter steps, TimeProvider clock, CancellationToken cancellation)
    {
        (_docker, _names, _repeatable, _cancellation) = (docker, names, repeatable, cancellation);
        _progress = new LoadProgress(steps, clock);
        _pass = NewPass(wanted: null);
    }

    /// <summary>Takes what the exporter offers to the session.</summary>
    public ValueTask<Stream?> OpenAsync(BlobOffer offer, CancellationToken stop) => _pass.OpenAsync(offer, stop);

    /// <summary>What went wrong on Docker's side while the image was still being sent; null while nothing has.</summary>
    public Exception? Failure => _pass.Failure;

    /// <summary>To be called when the build is solved: waits until Docker has the image, or says why not.</summary>
    /// <returns>False when the builder has to export once more, because Docker misses something that was left out.</returns>
    public async Task<bool> FinishAsync()
    {
        try
        {
            var wanted = await _pass.FinishAsync(_names);
            if (wanted is null)
            {
                _progress.Complete();
                return true;
            }

            await StartAgainAsync(wanted);
            return false;
        }
        catch (Exception problem)
        {
            _progress.Fail(problem);
            throw problem is ImageIncompleteException ? new CliException($"Docker could not load the image: {problem.Message}", inner: problem) : problem;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _pass.DisposeAsync();
        _progress.Fail(new OperationCanceledException());
    }

    private async Task StartAgainAsync(IReadOnlySet<string> wanted)
    {
        if (!_repeatable || ++_passes > PassesMax)
        {
            throw new CliException("Docker dropped layers of the image while it was being loaded") { Remedy = "Run the build again." };
        }

        await _pass.DisposeAsync();
        _pass = NewPass(wanted);
    }

    private LoadPass NewPass(IReadOnlySet<string>? wanted) => _docker.UsesContainerdStore
        ? new ContainerdPass(_docker, wanted ?? FrozenSet<string>.Empty, _progress, _cancellation)
        : new GraphDriverPass(_docker, wanted, takeAll: !_repeatable, _progress, _cancellation);
}
