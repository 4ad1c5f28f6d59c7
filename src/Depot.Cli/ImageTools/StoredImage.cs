using System.Text;
using System.Text.Json.Nodes;
using Depot.Cli.Registries;

namespace Depot.Cli.ImageTools;

/// <summary>A manifest or an index that a registry gave, byte for byte.</summary>
internal sealed class StoredImage
{
    public StoredImage(ImageName name, RegistryDocument document)
    {
        (Name, Document) = (name, document);
        Root = JsonNode.Parse(document.Content) as JsonObject ?? throw new CliException($"{name.Text}: the registry's answer is no manifest");
        MediaType = (string?)Root["mediaType"] ?? document.MediaType;
    }

    public ImageName Name { get; }

    public RegistryDocument Document { get; }

    public JsonObject Root { get; }

    public string MediaType { get; }

    public string Text => Encoding.UTF8.GetString(Document.Content);

    public string Digest => field ??= Document.Digest;

    public bool IsIndex => MediaTypes.IsIndex(MediaType);

    /// <summary>What an index names; nothing of a manifest.</summary>
    public IEnumerable<JsonObject> Manifests => (Root["manifests"] as JsonArray ?? []).OfType<JsonObject>();

    /// <summary>What an index says of the image.</summary>
    public JsonObject Descriptor() => new() { ["mediaType"] = MediaType, ["digest"] = Digest, ["size"] = Document.Content.LongLength };
}
