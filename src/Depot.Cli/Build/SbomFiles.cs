using System.Text.Json;

namespace Depot.Cli.Build;

/// <summary><c>--sbom-dir</c>: the SBOMs of an image, as the builder that made it sends them, one file for each scan.</summary>
/// <remarks>
/// An image with attestations is an index, in which a manifest annotated <c>vnd.docker.reference.type=attestation-manifest</c> belongs to the
/// manifest that <c>vnd.docker.reference.digest</c> names. Its layers are in-toto statements; an SBOM is the predicate of one whose
/// <c>in-toto.io/predicate-type</c> is SPDX's.
/// </remarks>
internal sealed class SbomFiles(SbomIntake image, SbomPlace place)
{
    private const string SpdxType = "https://spdx.dev/Document";

    public async Task WriteAsync(CancellationToken cancellation)
    {
        try
        {
            Directory.CreateDirectory(place.Folder);
            var paths = new List<string>();
            using var index = JsonDocument.Parse(image.Read(image.Image ?? throw new InvalidDataException("the builder sent no image")));
            foreach (var (platform, digest) in Attestations(index.RootElement))
            {
                using var manifest = JsonDocument.Parse(image.Read(digest));
                foreach (var layer in Layers(manifest.RootElement))
                {
                    var number = paths.Count(path => path == platform);
                    paths.Add(platform);
                    await WriteAsync(layer, place.PathOf(platform, number), cancellation);
                }
            }

            if (paths.Count == 0)
            {
                throw new CliException("the image has no SBOM") { Remedy = "Its generator wrote none; --sbom=generator=IMAGE names another one." };
            }
        }
        catch (Exception problem) when (problem is JsonException or KeyNotFoundException or InvalidDataException or IOException or UnauthorizedAccessException)
        {
            throw new CliException($"the SBOMs could not be written to {place.Folder}: {problem.Message}", inner: problem) { Remedy = "The build itself succeeded." };
        }
    }

    private async Task WriteAsync(string digest, string path, CancellationToken cancellation)
    {
        using var statement = JsonDocument.Parse(image.Read(digest));
        await using var file = File.Create(path);
        await using var json = new Utf8JsonWriter(file, BuildResult.Indented);
        statement.RootElement.GetProperty("predicate").WriteTo(json);
    }

    /// <summary>The attestation manifests, each with the platform of its image as a file name takes it.</summary>
    private static List<(string Platform, string Digest)> Attestations(JsonElement index)
    {
        var entries = index.TryGetProperty("manifests", out var manifests) ? manifests.EnumerateArray().ToList() : [];
        var platforms = entries.Where(entry => entry.TryGetProperty("platform", out _))
            .ToDictionary(entry => entry.GetProperty("digest").GetString()!, entry => PlatformOf(entry.GetProperty("platform")), StringComparer.Ordinal);
        return entries.Where(entry => Annotation(entry, "vnd.docker.reference.type") == "attestation-manifest")
            .Select(entry => (platforms.GetValueOrDefault(Annotation(entry, "vnd.docker.reference.digest"), ""), entry.GetProperty("digest").GetString()!)).ToList();
    }

    private static IEnumerable<string> Layers(JsonElement manifest) => manifest.GetProperty("layers").EnumerateArray()
        .Where(layer => Annotation(layer, "in-toto.io/predicate-type") == SpdxType).Select(layer => layer.GetProperty("digest").GetString()!);

    private static string PlatformOf(JsonElement platform) => string.Join('_', new[] { "os", "architecture", "variant" }
        .Select(part => platform.TryGetProperty(part, out var value) ? value.GetString() : null).Where(part => !string.IsNullOrEmpty(part)));

    private static string Annotation(JsonElement element, string name) =>
        element.TryGetProperty("annotations", out var annotations) && annotations.TryGetProperty(name, out var value) ? value.GetString() ?? "" : "";
}
