using System.Text.Json;
using System.Text.Json.Nodes;

namespace Depot.Cli.ImageTools;

/// <summary>A source of <c>imagetools create</c>: an image's name, a digest, or an OCI descriptor as JSON, which may say more of the image than the registry knows.</summary>
internal sealed record ImageSource(ImageName Name, JsonObject? Descriptor)
{
    private const string Valid = "valid sources are digests, references and descriptors";

    /// <param name="tags">Digests belong to the only repository that tags and sources name.</param>
    public static IReadOnlyList<ImageSource> ParseAll(IReadOnlyList<string> texts, IReadOnlyList<string> tags)
    {
        var repositories = tags.Concat(texts.Where(text => !IsDigest(text) && !text.StartsWith('{'))).Select(text => ImageName.Parse(text).Place).Distinct(StringComparer.Ordinal).ToList();
        return repositories.Count == 0
            ? throw new CliException("no repositories specified, please set a reference in tag or source")
            : [.. texts.Select(text => Parse(text, repositories))];
    }

    private static ImageSource Parse(string text, List<string> repositories)
    {
        if (!IsDigest(text) && !text.StartsWith('{'))
        {
            return new ImageSource(ImageName.Parse(text), null);
        }

        var descriptor = IsDigest(text) ? new JsonObject { ["digest"] = text } : Read(text);
        var digest = (string?)descriptor["digest"] is { } given && IsDigest(given) ? given : throw new CliException($"failed to parse source \"{text}\", {Valid}");
        return repositories is [var only]
            ? new ImageSource(ImageName.Parse($"{only}@{digest}"), descriptor)
            : throw new CliException($"multiple repositories specified, cannot infer repository for \"{text}\"");
    }

    private static JsonObject Read(string text)
    {
        try
        {
            return (JsonObject)JsonNode.Parse(text)!;
        }
        catch (JsonException problem)
        {
            throw new CliException($"failed to parse source \"{text}\", {Valid}: {problem.Message}", inner: problem);
        }
    }

    private static bool IsDigest(string text) => text.StartsWith("sha256:", StringComparison.Ordinal) && text.Length == "sha256:".Length + 64 && text[7..].All(char.IsAsciiHexDigitLower);
}
