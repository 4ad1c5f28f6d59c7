using System.Text.Json.Nodes;
using Depot.Cli.Build;
using Depot.Cli.Registries;
using Depot.Cli.Rendering;

namespace Depot.Cli.ImageTools;

/// <summary>One image made of several: a single one as it is where nothing is to be changed of it, else an index of all that they hold.</summary>
/// <param name="Parts">What has to be in the repository before the document is.</param>
internal sealed record ImageCombination(RegistryDocument Document, IReadOnlyList<ImageName> Parts)
{
    public static async Task<ImageCombination> OfAsync(
        ImageStore store, IReadOnlyList<ImageSource> sources, CreateImageArguments arguments, CancellationToken cancellation)
    {
        var images = await Task.WhenAll(sources.Select(source => store.GetAsync(source.Name, cancellation)));
        var asItIs = images is [var only] && (only.IsIndex || !arguments.PrefersIndex) && arguments is { Annotations.Count: 0, Platforms.Count: 0 };
        if (asItIs)
        {
            return new ImageCombination(images[0].Document, PartsOf(images[0]));
        }

        var entries = new List<(ImageName Name, JsonObject Descriptor)>();
        foreach (var (source, image) in sources.Zip(images))
        {
            Add(entries, image.IsIndex ? image.Manifests.Select(entry => (image.Name.At((string)entry["digest"]!), entry.DeepClone().AsObject()))
                : [(image.Name.At(image.Digest), await DescribeAsync(store, source, image, cancellation))]);
        }

        var kept = Filtered(entries, PlatformName.ParseAll(arguments.Platforms));
        return new ImageCombination(Index(images, [.. kept.Select(entry => entry.Descriptor)], arguments.Annotations), [.. kept.Select(entry => entry.Name)]);
    }

    private static IReadOnlyList<ImageName> PartsOf(StoredImage image) =>
        image.IsIndex ? [.. image.Manifests.Select(entry => image.Name.At((string)entry["digest"]!))] : [image.Name.At(image.Digest)];

    /// <summary>The same manifest twice is one entry; what is said of it later counts.</summary>
    private static void Add(List<(ImageName Name, JsonObject Descriptor)> entries, IEnumerable<(ImageName Name, JsonObject Descriptor)> more)
    {
        foreach (var (name, descriptor) in more)
        {
            if (entries.Find(known => known.Name.Reference == name.Reference).Descriptor is not { } known)
            {
                entries.Add((name, descriptor));
                continue;
            }

            known["platform"] = (descriptor["platform"] ?? known["platform"])?.DeepClone();
            foreach (var (key, value) in descriptor["annotations"] as JsonObject ?? [])
            {
                Annotate(known, key, value?.DeepClone());
            }
        }
    }

    private static void Annotate(JsonObject entry, string key, JsonNode? value)
    {
        if (entry["annotations"] is not JsonObject annotations)
        {
            entry["annotations"] = annotations = [];
        }

        annotations[key] = value;
    }

    /// <summary>What an index says of one image: its platform comes from its configuration, unless the source says it.</summary>
    private static async Task<JsonObject> DescribeAsync(ImageStore store, ImageSource source, StoredImage image, CancellationToken cancellation)
    {
        var descriptor = image.Descriptor();
        foreach (var (key, value) in source.Descriptor ?? [])
        {
            descriptor[key] = value?.DeepClone();
        }

        if ((long?)descriptor["size"] != image.Document.Content.Length)
        {
            throw new CliException($"invalid size mismatch for {image.Digest}, {descriptor["size"]} != {image.Document.Content.Length}");
        }

        if (descriptor["platform"] is null)
        {
            var config = await store.ConfigAsync(image, cancellation);
            var platform = new JsonObject();
            foreach (var part in new[] { "architecture", "os", "os.version", "variant" }.Where(part => !string.IsNullOrEmpty((string?)config[part])))
            {
                platform[part] = (string?)config[part];
            }

            descriptor["platform"] = platform;
        }

        return descriptor;
    }

    /// <summary>Attestations go with the images that they are of.</summary>
    private static List<(ImageName Name, JsonObject Descriptor)> Filtered(List<(ImageName Name, JsonObject Descriptor)> entries, IReadOnlyList<PlatformName> platforms)
    {
        if (platforms.Count == 0)
        {
            return entries;
        }

        var wanted = entries.Where(entry => platforms.Contains(PlatformOf(entry.Descriptor))).Select(entry => entry.Name.Reference).ToHashSet(StringComparer.Ordinal);
        return wanted.Count == 0 ? throw new CliException("none of the manifests match the provided platforms")
            : [.. entries.Where(entry => wanted.Contains(entry.Name.Reference) || wanted.Contains((string?)entry.Descriptor["annotations"]?["vnd.docker.reference.digest"] ?? ""))];
    }

    private static PlatformName? PlatformOf(JsonObject entry) =>
        entry["platform"] is JsonObject platform && (string?)platform["os"] is not (null or "" or "unknown") ? PlatformName.Parse(ImageTable.PlatformOf(platform)) : null;

    /// <summary>Docker's own list where all of it is Docker's own, which knows no annotations.</summary>
    private static RegistryDocument Index(StoredImage[] images, List<JsonObject> entries, IEnumerable<string> annotations)
    {
        var type = entries.TrueForAll(entry => (string?)entry["mediaType"] == MediaTypes.DockerManifest) ? MediaTypes.DockerList : MediaTypes.OciIndex;
        var own = new JsonObject();
        foreach (var (key, value) in images.SelectMany(image => image.Root["annotations"] as JsonObject ?? []).Where(_ => images.All(image => image.IsIndex)))
        {
            own[key] = value?.DeepClone();
        }

        foreach (var (key, value) in AnnotationSpec.ParseAll(annotations))
        {
            Annotate(entries, own, key, value, isOci: type == MediaTypes.OciIndex);
        }

        var index = new JsonObject { ["schemaVersion"] = 2, ["mediaType"] = type, ["manifests"] = new JsonArray([.. entries.Select(InOrder)]) };
        if (type == MediaTypes.OciIndex && own.Count > 0)
        {
            index["annotations"] = own;
        }

        var output = new OutputBuffer();
        new GoJsonWriter(output, indented: true).Value(index);
        return new RegistryDocument(type, System.Text.Encoding.UTF8.GetBytes(output.TakeText()));
    }

    /// <param name="key"><c>annotation[-TYPE[PLATFORM]].NAME</c>.</param>
    private static void Annotate(List<JsonObject> entries, JsonObject own, string key, string value, bool isOci)
    {
        // A platform may hold a dot as well.
        var dot = key.IndexOf('.', Math.Max(0, key.IndexOf(']', StringComparison.Ordinal)));
        var (head, name) = (key[..dot], key[(dot + 1)..]);
        var type = head["annotation".Length..].TrimStart('-').Split('[')[0];
        if (!isOci)
        {
            return;
        }

        switch (type)
        {
            case "index":
                own[name] = value;
                break;
            case "manifest-descriptor":
                var platform = head.Contains('[') ? PlatformName.Parse(head[(head.IndexOf('[', StringComparison.Ordinal) + 1)..^1]) : null;
                entries.Where(entry => platform is null || PlatformOf(entry) == platform).ToList().ForEach(entry => Annotate(entry, name, value));
                break;
            case "index-descriptor":
                throw new CliException($"\"{type}\" annotations are invalid while creating an image");
            default:
                throw new CliException($"\"{type}\" annotations are not supported yet");
        }
    }

    /// <summary>The fields in OCI's order, which is buildx's.</summary>
    private static JsonObject InOrder(JsonObject entry)
    {
        string[] order = ["mediaType", "digest", "size", "urls", "annotations", "data", "platform", "artifactType"];
        var sorted = new JsonObject();
        foreach (var (key, value) in entry.OrderBy(field => Array.IndexOf(order, field.Key) is var at and >= 0 ? at : order.Length).Where(field => field.Value is not null))
        {
            sorted[key] = value!.DeepClone();
        }

        return sorted;
    }
}
