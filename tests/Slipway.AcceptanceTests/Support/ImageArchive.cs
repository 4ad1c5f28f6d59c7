using System.Formats.Tar;
using System.Text;
using System.Text.Json;

namespace Slipway.AcceptanceTests.Support;

/// <summary>An OCI archive, as far as two of them can be compared.</summary>
public sealed class ImageArchive
{
    private readonly Dictionary<string, byte[]> _files = [];

    public static ImageArchive Read(string path)
    {
        var archive = new ImageArchive();
        using var stream = File.OpenRead(path);
        using var reader = new TarReader(stream);
        while (reader.GetNextEntry() is { } entry)
        {
            if (entry.DataStream is { } data)
            {
                var content = new MemoryStream();
                data.CopyTo(content);
                archive._files[entry.Name] = content.ToArray();
            }
        }

        return archive;
    }

    /// <summary>One line for each thing that must be the same: manifests by platform with their digests (and so configurations and layers),
    /// every annotation, and the kinds of the attestations.</summary>
    public string Describe()
    {
        var lines = new List<string>();
        foreach (var entry in Manifests(Json("index.json")))
        {
            Describe(entry, "", lines);
        }

        return string.Join('\n', lines);
    }

    private void Describe(JsonElement entry, string indent, List<string> lines)
    {
        var digest = entry.GetProperty("digest").GetString()!;
        var document = Json("blobs/sha256/" + digest["sha256:".Length..]);
        var isIndex = document.TryGetProperty("manifests", out _);
        var isAttestation = Annotations(entry).Contains("vnd.docker.reference.type=attestation-manifest", StringComparison.Ordinal);

        // A provenance holds times and the builder's name: indexes and attestations differ by it, images do not.
        lines.Add($"{indent}{(isIndex ? "index" : isAttestation ? "attestation" : $"image {digest}")} {Platform(entry)} {Annotations(entry)} | {Annotations(document)}");
        if (isIndex)
        {
            Manifests(document).ForEach(child => Describe(child, indent + "  ", lines));
        }
        else if (isAttestation)
        {
            lines.AddRange(document.GetProperty("layers").EnumerateArray().Select(layer => $"{indent}  {Annotations(layer)}"));
        }
        else
        {
            lines.Add(indent + "  " + Encoding.UTF8.GetString(_files["blobs/sha256/" + document.GetProperty("config").GetProperty("digest").GetString()!["sha256:".Length..]]));
        }
    }

    private JsonElement Json(string name)
    {
        using var document = JsonDocument.Parse(_files[name]);
        return document.RootElement.Clone();
    }

    private static List<JsonElement> Manifests(JsonElement index) => index.GetProperty("manifests").EnumerateArray().ToList();

    private static string Platform(JsonElement entry) => entry.TryGetProperty("platform", out var platform) ? platform.ToString() : "";

    private static string Annotations(JsonElement element) => element.TryGetProperty("annotations", out var annotations)
        ? string.Join(' ', annotations.EnumerateObject().Where(annotation => annotation.Name is not ("org.opencontainers.image.created" or "vnd.docker.reference.digest"))
            .Select(annotation => $"{annotation.Name}={annotation.Value}").Order(StringComparer.Ordinal))
        : "";
}
