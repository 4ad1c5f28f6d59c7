using System.Collections.Concurrent;
using Depot.Cli.Rendering;
using Slipway.BuildKit.Content;
using Slipway.BuildKit.Progress;

namespace Depot.Cli.Docker;

/// <summary>The step <c>importing to docker</c> of a build's progress: a line for every layer that travels, and at the end what did not have to.</summary>
internal sealed class LoadProgress(VertexWriter steps, TimeProvider clock)
{
    private static readonly TimeSpan ReportEvery = TimeSpan.FromMilliseconds(100);

    private readonly ConcurrentDictionary<string, long> _layers = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, long> _sent = new(StringComparer.Ordinal);
    private readonly Lock _gate = new();
    private RunningVertex? _vertex;

    /// <summary>Begins with the first sign of an image: a build that fails before it shows no import.</summary>
    private RunningVertex Vertex
    {
        get
        {
            lock (_gate)
            {
                return _vertex ??= steps.Start("importing to docker");
            }
        }
    }

    public void Offered(BlobOffer offer)
    {
        _ = Vertex;
        if (offer.Kind == "layer")
        {
            _layers[offer.Digest] = offer.Size;
        }
    }

    /// <summary>Takes the number of bytes of a blob that have arrived.</summary>
    public Action<long> Arriving(BlobOffer offer)
    {
        if (offer.Kind != "layer")
        {
            return _ => { };
        }

        var id = $"layer {offer.Digest["sha256:".Length..][..12]}";
        var started = clock.GetUtcNow();
        var last = clock.GetTimestamp();
        _sent[offer.Digest] = offer.Size;
        return bytes =>
        {
            if (bytes == offer.Size || clock.GetElapsedTime(last) >= ReportEvery)
            {
                last = clock.GetTimestamp();
                Vertex.Report(id, bytes, offer.Size, started, completed: bytes == offer.Size);
            }
        };
    }

    public void Say(string text) => Vertex.Log(text);

    public void Complete()
    {
        if (_layers.Count > _sent.Count)
        {
            Say($"{_layers.Count - _sent.Count} of {_layers.Count} layers were in Docker already; {SizeText.Format(_sent.Values.Sum())} sent\n");
        }

        Vertex.Complete();
    }

    /// <summary>Ends the step, if it has begun, with what went wrong.</summary>
    public void Fail(Exception problem) => _vertex?.Fail(problem is OperationCanceledException ? "context canceled" : problem.Message);
}
