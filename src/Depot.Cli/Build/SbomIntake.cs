using System.Collections.Concurrent;
using Depot.Cli.Docker;
using Slipway.BuildKit.Content;

namespace Depot.Cli.Build;

/// <summary>Takes an image's documents and attestations from the builder, and none of its layers.</summary>
internal sealed class SbomIntake
{
    /// <summary>Far above what scanners write for whole distributions.</summary>
    private const int BytesMax = 256 * 1024 * 1024;

    private readonly ConcurrentDictionary<string, byte[]> _kept = new(StringComparer.Ordinal);

    /// <summary>The image's digest: the last manifest or index that came, for its children come before it.</summary>
    public string? Image { get; private set; }

    /// <summary>Where a blob goes.</summary>
    public ValueTask<Stream?> OpenAsync(BlobOffer offer, CancellationToken cancellation)
    {
        if (offer.Kind is "manifest" or "index")
        {
            Image = offer.Digest;
        }

        return ValueTask.FromResult<Stream?>(offer.Kind is "layer" or "config" || offer.Size > BytesMax ? null : new KeptBlob(bytes => _kept[offer.Digest] = bytes));
    }

    public byte[] Read(string digest) => _kept.GetValueOrDefault(digest) ?? throw new InvalidDataException($"the builder did not send {digest}");
}
