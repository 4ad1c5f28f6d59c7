using System.Buffers;
using System.Text.Json;
using Slipway.BuildKit.Content;

namespace Depot.Cli.Docker;

/// <summary>Into a Docker with its classic store (overlay2): an archive in Docker's own format without the layers that it has.</summary>
/// <remarks>The store knows a layer by its chain: its uncompressed digest and those of all layers below. Only the image's configuration tells them, and
/// the engine sends that beside the layers; so a first pass takes the documents and the small layers and leaves out the others, and where that was
/// too few, a second one (of a build that is cached by then) brings exactly the rest. Docker looks for each chain before it opens the layer's file.</remarks>
/// <param name="wanted">The layers to send on while they arrive; null in a first pass.</param>
/// <param name="takeAll">There can be no second pass: everything is sent.</param>
internal sealed class GraphDriverPass(
    LocalDocker docker, IReadOnlySet<string>? wanted, bool takeAll, LoadProgress progress, CancellationToken cancellation)
    : LoadPass(docker, progress, cancellation)
{
    /// <summary>One changed layer is mostly below this: then one pass is enough.</summary>
    private const int KeptLayerBytesMax = 4 * 1024 * 1024;

    private const int KeptBytesMax = 64 * 1024 * 1024;

    private readonly HashSet<string> _sent = new(StringComparer.Ordinal);
    private readonly Lock _gate = new();
    private long _keptBytes;

    public override async Task<IReadOnlySet<string>?> FinishAsync(IReadOnlyList<string> names)
    {
        var layers = Layers(out var config);
        var present = await Docker.ChainsAsync(Stop);
        var missing = layers.Where(layer => !present.Contains(layer.Chain) && !_sent.Contains(layer.Digest))
            .Select(layer => layer.Digest).ToHashSet(StringComparer.Ordinal);
        if (!missing.IsSubsetOf(Kept.Keys))
        {
            return missing;
        }

        foreach (var digest in missing)
        {
            await using var file = Send(new BlobOffer("layer", digest, Kept[digest].Length), PathOf(digest));
            await file.WriteAsync(Kept[digest], Stop);
        }

        return await ImportAsync(names, layers, config);
    }

    protected override ValueTask<Stream?> PlaceAsync(BlobOffer offer, CancellationToken stop) => ValueTask.FromResult(Place(offer));

    private Stream? Place(BlobOffer offer)
    {
        if (offer.Kind != "layer" || TryKeep(offer))
        {
            return Keep(offer);
        }

        if (!takeAll && wanted?.Contains(offer.Digest) != true)
        {
            return LeaveOut(offer);
        }

        lock (_gate)
        {
            _sent.Add(offer.Digest);
        }

        return Send(offer, PathOf(offer.Digest));
    }

    private static string PathOf(string digest) => $"{digest["sha256:".Length..]}.tar";

    private bool TryKeep(BlobOffer offer) =>
        wanted is null && !takeAll && offer.Size <= KeptLayerBytesMax && Interlocked.Add(ref _keptBytes, offer.Size) <= KeptBytesMax;

    private async Task<IReadOnlySet<string>?> ImportAsync(IReadOnlyList<string> names, IReadOnlyList<ImageLayer> layers, string config)
    {
        var configName = $"{config["sha256:".Length..]}.json";
        await AddAsync(configName, Kept[config]);
        await AddAsync("manifest.json", Manifest(configName, names, layers));
        try
        {
            await ImportAsync();
            return null;
        }
        catch (ImageIncompleteException) when (layers.Any(layer => LeftOut.ContainsKey(layer.Digest)))
        {
            return layers.Select(layer => layer.Digest).ToHashSet(StringComparer.Ordinal);
        }
    }

    /// <summary>The layers, lowest first, with the names that Docker knows them by.</summary>
    private List<ImageLayer> Layers(out string config)
    {
        var root = Root ?? throw new CliException("the builder sent no image");
        using var manifest = JsonDocument.Parse(Kept[root.Digest]);
        config = manifest.RootElement.GetProperty("config").GetProperty("digest").GetString()!;
        using var configuration = JsonDocument.Parse(Kept[config]);
        var digests = manifest.RootElement.GetProperty("layers").EnumerateArray().Select(layer => layer.GetProperty("digest").GetString()!);
        var contents = configuration.RootElement.GetProperty("rootfs").GetProperty("diff_ids").EnumerateArray().Select(id => id.GetString()!);
        return ImageLayer.Stack(digests.Zip(contents));
    }

    private static byte[] Manifest(string config, IReadOnlyList<string> names, IReadOnlyList<ImageLayer> layers)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartArray();
            json.WriteStartObject();
            json.WriteString("Config", config);
            Write(json, "RepoTags", names);
            Write(json, "Layers", layers.Select(layer => PathOf(layer.Digest)));
            json.WriteEndObject();
            json.WriteEndArray();
        }

        return buffer.WrittenSpan.ToArray();
    }

    private static void Write(Utf8JsonWriter json, string name, IEnumerable<string> values)
    {
        json.WriteStartArray(name);
        foreach (var value in values)
        {
            json.WriteStringValue(value);
        }

        json.WriteEndArray();
    }
}
