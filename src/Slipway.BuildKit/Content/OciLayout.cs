using System.Text.Json;

namespace Slipway.BuildKit.Content;

/// <summary>A folder that holds images as the OCI image layout lays them out: <c>index.json</c> names them, <c>blobs/</c> has the contents.</summary>
public sealed class OciLayout(string folder)
{
    private const string TagAnnotation = "org.opencontainers.image.ref.name";
    private const string NameAnnotation = "io.containerd.image.name";

    public string Folder { get; } = folder;

    /// <summary>What <c>index.json</c> has under a tag, or under a whole image name; null when it has nothing by it.</summary>
    /// <exception cref="IOException">There is no readable index.</exception>
    public string? FindDigest(string tag)
    {
        try
        {
            using var index = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Folder, "index.json")));
            var entry = index.RootElement.GetProperty("manifests").EnumerateArray()
                .LastOrDefault(entry => entry.TryGetProperty("annotations", out var names) && (Is(names, TagAnnotation, tag) || Is(names, NameAnnotation, tag)));
            return entry.ValueKind == JsonValueKind.Object ? entry.GetProperty("digest").GetString() : null;
        }
        catch (Exception problem) when (problem is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new IOException($"{Path.Combine(Folder, "index.json")} is not the index of an OCI layout", problem);
        }
    }

    /// <summary>Where a blob lies; null for what is no sha256 digest, and so could lead anywhere.</summary>
    public string? PathOf(string digest)
    {
        const string algorithm = "sha256:";
        return digest.Length == algorithm.Length + 64 && digest.StartsWith(algorithm, StringComparison.Ordinal)
            && digest[algorithm.Length..].All(char.IsAsciiHexDigitLower)
            ? Path.Combine(Folder, "blobs", "sha256", digest[algorithm.Length..])
            : null;
    }

    /// <summary>A place for blobs that the engine offers; what is there already is not taken again.</summary>
    public BlobStore Store => (offer, _) => ValueTask.FromResult<Stream?>(Add(offer));

    /// <summary>A new blob, under its digest when it is kept; null when it is there already.</summary>
    internal BlobFile? Add(BlobOffer blob)
    {
        var place = PathOf(blob.Digest) ?? throw new IOException($"\"{blob.Digest}\" is no sha256 digest");
        if (File.Exists(place))
        {
            return null;
        }

        // containerd keeps what is still arriving in a folder of this name.
        var arriving = Path.Combine(Folder, "ingest");
        Directory.CreateDirectory(arriving);
        Directory.CreateDirectory(Path.GetDirectoryName(place)!);
        return new BlobFile(Path.Combine(arriving, Guid.NewGuid().ToString("N")), place);
    }

    /// <summary>Takes in a blob of this side's own.</summary>
    public async Task PutAsync(BlobOffer blob, ReadOnlyMemory<byte> content, CancellationToken cancellation)
    {
        await using var file = Add(blob);
        if (file is not null)
        {
            await file.WriteAsync(content, cancellation);
            file.Keep();
        }
    }

    private static bool Is(JsonElement annotations, string name, string value) =>
        annotations.TryGetProperty(name, out var found) && found.GetString() == value;
}
