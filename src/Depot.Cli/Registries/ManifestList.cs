using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Depot.Cli.Build;

namespace Depot.Cli.Registries;

/// <summary>One manifest list out of several: every entry of each, attestations and annotations included.</summary>
internal static class ManifestList
{
    private static readonly JsonWriterOptions Indented = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static RegistryDocument Merge(IEnumerable<RegistryDocument> lists)
    {
        var entries = new List<JsonElement>();
        var annotations = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var list in lists)
        {
            using var document = JsonDocument.Parse(list.Content);
            var root = document.RootElement.Clone();
            if (!root.TryGetProperty("manifests", out var manifests))
            {
                throw new CliException($"failed to build: a builder pushed {list.MediaType} where a manifest list was asked for");
            }

            // Both shares may name the same manifest.
            entries.AddRange(manifests.EnumerateArray().Where(entry => !entries.Exists(known => Digest(known) == Digest(entry))));
            AddAnnotations(root, annotations);
        }

        // Docker's own list type holds nothing but Docker's own manifests, and knows no annotations.
        var mediaType = annotations.Count == 0 && entries.TrueForAll(entry => entry.GetProperty("mediaType").GetString() == MediaTypes.DockerManifest)
            ? MediaTypes.DockerList
            : MediaTypes.OciIndex;
        return new RegistryDocument(mediaType, Write(mediaType, entries, annotations));
    }

    /// <summary>What an exporter would say of an image whose index this is.</summary>
    /// <param name="names">The image's names, separated by commas; empty when it has none.</param>
    public static Dictionary<string, string> Describe(RegistryDocument list, string names)
    {
        var digest = list.Digest;
        var description = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            [BuildResult.ImageDigest] = digest,
            [BuildResult.ImageDescriptor] = Convert.ToBase64String(Encoding.UTF8.GetBytes(
                $$"""{"mediaType":"{{list.MediaType}}","digest":"{{digest}}","size":{{list.Content.Length}}}""")),
        };
        if (names.Length > 0)
        {
            description[BuildResult.ImageName] = names;
        }

        return description;
    }

    private static string? Digest(JsonElement entry) => entry.GetProperty("digest").GetString();

    private static void AddAnnotations(JsonElement list, SortedDictionary<string, string> annotations)
    {
        if (list.TryGetProperty("annotations", out var own) && own.ValueKind == JsonValueKind.Object)
        {
            foreach (var annotation in own.EnumerateObject())
            {
                annotations[annotation.Name] = annotation.Value.GetString() ?? "";
            }
        }
    }

    private static byte[] Write(string mediaType, List<JsonElement> entries, SortedDictionary<string, string> annotations)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, Indented))
        {
            json.WriteStartObject();
            json.WriteNumber("schemaVersion", 2);
            json.WriteString("mediaType", mediaType);
            json.WriteStartArray("manifests");
            entries.ForEach(entry => entry.WriteTo(json));
            json.WriteEndArray();
            if (annotations.Count > 0)
            {
                json.WriteStartObject("annotations");
                foreach (var (name, value) in annotations)
                {
                    json.WriteString(name, value);
                }

                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        return buffer.ToArray();
    }
}
