using System.Buffers;
using System.Text.Json;
using Slipway.BuildKit.Content;

namespace Depot.Cli.Docker;

/// <summary>Into a Docker with containerd's image store: an OCI archive without the blobs that its content store has.</summary>
/// <remarks>The store keeps layers under the digest by which they travel, so every blob is asked for by name. What it had when it was asked may be
/// gone when it unpacks; it says so, and those blobs are then sent whatever it says.</remarks>
/// <param name="needed">Blobs that are sent without asking.</param>
internal sealed class ContainerdPass(LocalDocker docker, IReadOnlySet<string> needed, LoadProgress progress, CancellationToken cancellation)
    : LoadPass(docker, progress, cancellation)
{
    public override async Task<IReadOnlySet<string>?> FinishAsync(IReadOnlyList<string> names)
    {
        var root = Root ?? throw new CliException("the builder sent no image");
        foreach (var (digest, document) in Kept)
        {
            await AddAsync(PathOf(digest), document);
        }

        await AddAsync("oci-layout", """{"imageLayoutVersion":"1.0.0"}"""u8.ToArray());
        await AddAsync("index.json", Index(root, Kept[root.Digest], names));
        try
        {
            await ImportAsync();
            return null;
        }
        catch (ImageIncompleteException problem) when (LeftOut.Count > 0)
        {
            return needed.Concat(problem.Digests.Count > 0 ? problem.Digests : LeftOut.Keys).ToHashSet(StringComparer.Ordinal);
        }
    }

    protected override async ValueTask<Stream?> PlaceAsync(BlobOffer offer, CancellationToken stop) =>
        !needed.Contains(offer.Digest) && await Docker.HasBlobAsync(offer.Digest, stop)
            ? LeaveOut(offer)
            : Send(offer, PathOf(offer.Digest));

    private static string PathOf(string digest) => $"blobs/{digest.Replace(':', '/')}";

    /// <summary>The archive's table of contents: the image under each of its names.</summary>
    private static byte[] Index(BlobOffer root, byte[] document, IReadOnlyList<string> names)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteNumber("schemaVersion", 2);
            json.WriteStartArray("manifests");
            foreach (var name in names.DefaultIfEmpty())
            {
                WriteDescriptor(json, root, MediaType(root, document), name);
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    private static void WriteDescriptor(Utf8JsonWriter json, BlobOffer root, string mediaType, string? name)
    {
        json.WriteStartObject();
        json.WriteString("mediaType", mediaType);
        json.WriteString("digest", root.Digest);
        json.WriteNumber("size", root.Size);
        if (name is not null)
        {
            json.WriteStartObject("annotations");
            json.WriteString("io.containerd.image.name", name);
            json.WriteString("org.opencontainers.image.ref.name", name[(name.LastIndexOf(':') + 1)..]);
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }

    private static string MediaType(BlobOffer root, byte[] document)
    {
        using var parsed = JsonDocument.Parse(document);
        return parsed.RootElement.TryGetProperty("mediaType", out var type) && type.GetString() is { Length: > 0 } text
            ? text
            : $"application/vnd.oci.image.{root.Kind}.v1+json";
    }
}
