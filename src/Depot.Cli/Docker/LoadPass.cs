using System.Collections.Concurrent;
using Slipway.BuildKit.Content;

namespace Depot.Cli.Docker;

/// <summary>One way of an image from the builder into Docker: which of the offered blobs are taken, and how they become an archive.</summary>
internal abstract class LoadPass(LocalDocker docker, LoadProgress progress, CancellationToken cancellation) : IAsyncDisposable
{
    // Never disposed: linked to a token that ends with the process, it has nothing else to free.
    private readonly CancellationTokenSource _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
    private readonly ConcurrentDictionary<string, byte[]> _kept = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, long> _leftOut = new(StringComparer.Ordinal);
    private readonly ImageArchive _archive = new();
    private readonly Lock _gate = new();
    private Task? _import;

    protected LocalDocker Docker { get; } = docker;

    /// <summary>Ends with the build, and with this pass.</summary>
    protected CancellationToken Stop => _stop.Token;

    /// <summary>What was left out because Docker has it, or may have it.</summary>
    protected IReadOnlyDictionary<string, long> LeftOut => _leftOut;

    /// <summary>What is in memory: the documents of the image, and whatever else a pass keeps back.</summary>
    protected IReadOnlyDictionary<string, byte[]> Kept => _kept;

    /// <summary>The image: the last manifest or index that came, for its children come before it.</summary>
    protected BlobOffer? Root { get; private set; }

    /// <summary>What Docker said against the image while it was still being sent.</summary>
    public Exception? Failure => _import is { IsFaulted: true } import ? import.Exception!.GetBaseException() : null;

    /// <summary>Says where a blob goes; null when Docker does not need it.</summary>
    public async ValueTask<Stream?> OpenAsync(BlobOffer offer, CancellationToken stop)
    {
        progress.Offered(offer);
        if (offer.Kind is "manifest" or "index")
        {
            Root = offer;
            return Keep(offer);
        }

        return await PlaceAsync(offer, stop);
    }

    /// <summary>The engine has sent what it was asked for: hands Docker the whole image.</summary>
    /// <returns>The blobs that the engine has to send after all; null when Docker has the image.</returns>
    public abstract Task<IReadOnlySet<string>?> FinishAsync(IReadOnlyList<string> names);

    /// <summary>May be called again.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        if (_import is not null)
        {
            // Its failure has been reported as the build's, or the build failed before it.
            await _import.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    protected abstract ValueTask<Stream?> PlaceAsync(BlobOffer offer, CancellationToken stop);

    protected Stream? LeaveOut(BlobOffer offer)
    {
        _leftOut[offer.Digest] = offer.Size;
        return null;
    }

    protected Stream Keep(BlobOffer offer) => new KeptBlob(bytes => _kept[offer.Digest] = bytes);

    /// <summary>Sends a blob on to Docker while it arrives.</summary>
    protected Stream Send(BlobOffer offer, string name) => Archive().Add(name, offer.Size, progress.Arriving(offer));

    protected ValueTask AddAsync(string name, ReadOnlyMemory<byte> contents) => Archive().AddAsync(name, contents, Stop);

    /// <summary>Ends the archive and waits for Docker's word.</summary>
    /// <exception cref="ImageIncompleteException">Docker lacks something that is not in the archive.</exception>
    protected async Task ImportAsync()
    {
        Archive().Complete();
        await _import!;
    }

    /// <summary>Docker is called when there is something to send, which it then unpacks while the rest arrives.</summary>
    private ImageArchive Archive()
    {
        lock (_gate)
        {
            _import ??= SendArchiveAsync();
            return _archive;
        }
    }

    private async Task SendArchiveAsync()
    {
        try
        {
            await Docker.ImportAsync(_archive.WriteToAsync, progress.Say, Stop);
        }
        catch (Exception problem)
        {
            // Docker may refuse before it has read a byte.
            await _archive.AbandonAsync(problem);
            throw;
        }
    }
}
