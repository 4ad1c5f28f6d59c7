using System.Text.Json.Nodes;
using Depot.Cli.Registries;

namespace Depot.Cli.ImageTools;

/// <summary>Reads images of registries, and carries them from one repository to another.</summary>
internal sealed class ImageStore(RegistryClient registries)
{
    public async Task<StoredImage> GetAsync(ImageName name, CancellationToken cancellation) =>
        new(name, await registries.GetManifestAsync(name.Host, name.Repository, name.Reference, cancellation));

    /// <summary>The configuration of an image of one platform.</summary>
    public Task<JsonNode> ConfigAsync(StoredImage manifest, CancellationToken cancellation) =>
        JsonAsync(manifest.Name, (string?)manifest.Root["config"]?["digest"] ?? throw new CliException($"{manifest.Name.Text} has no configuration"), cancellation);

    public async Task<JsonNode> JsonAsync(ImageName name, string digest, CancellationToken cancellation) =>
        JsonNode.Parse(await registries.GetBlobAsync(name.Host, name.Repository, digest, cancellation)) ?? throw new CliException($"{name.At(digest).Text} is empty");

    public Task PutAsync(ImageName name, RegistryDocument document, CancellationToken cancellation) =>
        registries.PutManifestAsync(name.Host, name.Repository, name.Reference, document, cancellation);

    /// <summary>Makes a manifest, or an index with all that it names, known in another repository; what is there is not sent again.</summary>
    public async Task CopyAsync(ImageName from, ImageName to, CancellationToken cancellation)
    {
        var image = await GetAsync(from, cancellation);
        foreach (var entry in image.Manifests)
        {
            await CopyAsync(from.At((string)entry["digest"]!), to, cancellation);
        }

        if (!image.IsIndex)
        {
            foreach (var blob in ((JsonArray?)image.Root["layers"] ?? []).Append(image.Root["config"]).OfType<JsonObject>())
            {
                await registries.CopyBlobAsync((from.Host, from.Repository), (to.Host, to.Repository), (string)blob["digest"]!, (long)blob["size"]!, cancellation);
            }
        }

        await PutAsync(to.At(image.Digest), image.Document, cancellation);
    }
}
