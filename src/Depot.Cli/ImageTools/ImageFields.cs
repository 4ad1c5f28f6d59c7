using System.Text.Json.Nodes;

namespace Depot.Cli.ImageTools;

/// <summary>What a template may ask of an image: <c>.Name</c>, <c>.Manifest</c>, <c>.Image</c>, <c>.SBOM</c>, <c>.Provenance</c>.</summary>
internal sealed class ImageFields(ImageStore store, string name, StoredImage image)
{
    private const string Spdx = "https://spdx.dev/Document";
    private const string Slsa = "https://slsa.dev/provenance/";

    public async Task<JsonNode?> GetAsync(string field, CancellationToken cancellation) => field switch
    {
        "" => new JsonObject { ["name"] = name, ["manifest"] = Manifest(), ["image"] = await ImagesAsync(cancellation) },
        "Name" => name,
        "Manifest" => Manifest(),
        "Image" => await ImagesAsync(cancellation),
        "SBOM" => await AttestationsAsync("SPDX", Spdx, cancellation),
        "Provenance" => await AttestationsAsync("SLSA", Slsa, cancellation),
        _ => throw new CliException($"template: can't evaluate field {field} of an image") { Remedy = "An image has .Name, .Manifest, .Image, .SBOM and .Provenance." },
    };

    private JsonObject Manifest()
    {
        if (!image.IsIndex)
        {
            return image.Descriptor();
        }

        var manifest = new JsonObject
        {
            ["schemaVersion"] = image.Root["schemaVersion"]?.DeepClone(),
            ["mediaType"] = image.MediaType,
            ["digest"] = image.Digest,
            ["size"] = image.Document.Content.LongLength,
            ["manifests"] = image.Root["manifests"]?.DeepClone(),
        };
        if (image.Root["annotations"] is { } annotations)
        {
            manifest["annotations"] = annotations.DeepClone();
        }

        return manifest;
    }

    /// <summary>The configurations: that of the only platform, or one of each by its name.</summary>
    private async Task<JsonNode?> ImagesAsync(CancellationToken cancellation)
    {
        if (!image.IsIndex)
        {
            return InOrder(await store.ConfigAsync(image, cancellation));
        }

        var all = new JsonObject();
        foreach (var entry in image.Manifests.Where(IsImage))
        {
            var manifest = await store.GetAsync(image.Name.At((string)entry["digest"]!), cancellation);
            all[ImageTable.PlatformOf((JsonObject)entry["platform"]!)] = InOrder(await store.ConfigAsync(manifest, cancellation));
        }

        return OnlyOr(all);
    }

    /// <summary>Attestations of one kind, as those of the images are given.</summary>
    private async Task<JsonNode?> AttestationsAsync(string key, string type, CancellationToken cancellation)
    {
        var all = new JsonObject();
        foreach (var entry in image.Manifests.Where(IsImage))
        {
            var own = new JsonObject();
            foreach (var attestation in image.Manifests.Where(other => (string?)other["annotations"]?["vnd.docker.reference.digest"] == (string?)entry["digest"]))
            {
                var manifest = await store.GetAsync(image.Name.At((string)attestation["digest"]!), cancellation);
                var layer = (manifest.Root["layers"] as JsonArray ?? []).FirstOrDefault(
                    layer => ((string?)layer?["annotations"]?["in-toto.io/predicate-type"])?.StartsWith(type, StringComparison.Ordinal) == true);
                if (layer is not null && (await store.JsonAsync(manifest.Name, (string)layer["digest"]!, cancellation))["predicate"] is { } predicate)
                {
                    own[key] = predicate.DeepClone();
                }
            }

            all[ImageTable.PlatformOf((JsonObject)entry["platform"]!)] = own;
        }

        return image.Manifests.Any(IsImage) ? OnlyOr(all) : new JsonObject();
    }

    /// <summary>The fields in the order of OCI's own types, which is buildx's.</summary>
    private static JsonObject InOrder(JsonNode config)
    {
        string[] order = ["created", "author", "architecture", "os", "os.version", "os.features", "variant", "config", "rootfs", "history"];
        return new JsonObject(config.AsObject().OrderBy(field => Array.IndexOf(order, field.Key) is var at and >= 0 ? at : order.Length)
            .Select(field => KeyValuePair.Create(field.Key, field.Value?.DeepClone())));
    }

    private static JsonNode? OnlyOr(JsonObject all)
    {
        if (all.Count != 1)
        {
            return all;
        }

        var (platform, only) = all.First();
        all.Remove(platform);
        return only;
    }

    private static bool IsImage(JsonObject entry) => entry["platform"] is JsonObject platform && (string?)platform["os"] != "unknown";
}
