using System.Text;
using System.Text.Json.Nodes;

namespace Depot.Cli.ImageTools;

/// <summary>An image as buildx shows it to people: names and values in columns, padding included.</summary>
internal static class ImageTable
{
    private const string Indent = "  ";

    public static string Write(StoredImage image)
    {
        var text = new StringBuilder();
        Append(text, "", [("Name", image.Name.Text), ("MediaType", image.MediaType), ("Digest", image.Digest)], tail: image.IsIndex);
        if (image.IsIndex)
        {
            text.Append("Manifests: \n");
            var entries = image.Manifests.ToList();
            for (var i = 0; i < entries.Count; i++)
            {
                AppendEntry(text, image, entries[i], tail: i + 1 < entries.Count);
            }
        }

        return text.ToString();
    }

    private static void AppendEntry(StringBuilder text, StoredImage image, JsonObject entry, bool tail)
    {
        List<(string, string)> rows = [("Name", $"{image.Name.Text.Split('@')[0]}@{(string?)entry["digest"]}"), ("MediaType", (string?)entry["mediaType"] ?? "")];
        if (entry["platform"] is not JsonObject platform)
        {
            Append(text, Indent, rows, tail);
            return;
        }

        rows.Add(("Platform", PlatformOf(platform)));
        AddIf(rows, "OSVersion", (string?)platform["os.version"]);
        AddIf(rows, "OSFeatures", Joined(platform["os.features"]));
        AddIf(rows, "URLs", Joined(entry["urls"]));
        var annotations = (entry["annotations"] as JsonObject ?? []).OrderBy(annotation => annotation.Key, StringComparer.Ordinal).Select(annotation => (annotation.Key, (string?)annotation.Value ?? "")).ToList();
        if (annotations.Count > 0)
        {
            rows.Add(("Annotations", ""));
        }

        Append(text, Indent, rows, tail && annotations.Count == 0);
        Append(text, Indent + Indent, annotations, tail: false);
        if (tail && annotations.Count > 0)
        {
            text.Append(' ', Width(rows)).Append('\n');
        }
    }

    public static string PlatformOf(JsonObject platform) =>
        string.Join('/', new[] { "os", "architecture", "variant" }.Select(part => (string?)platform[part]).Where(part => !string.IsNullOrEmpty(part)));

    private static void AddIf(List<(string, string)> rows, string name, string? value)
    {
        if (!string.IsNullOrEmpty(value))
        {
            rows.Add((name, value));
        }
    }

    private static string? Joined(JsonNode? list) => list is JsonArray items ? string.Join(", ", items.Select(item => (string?)item)) : null;

    /// <param name="tail">An empty row below, as wide as the names.</param>
    private static void Append(StringBuilder text, string indent, IReadOnlyList<(string Name, string Value)> rows, bool tail)
    {
        var width = indent.Length + Width(rows);
        foreach (var (name, value) in rows)
        {
            text.Append($"{indent}{name}:".PadRight(width)).Append(value).Append('\n');
        }

        if (tail)
        {
            text.Append(' ', width).Append('\n');
        }
    }

    private static int Width(IReadOnlyList<(string Name, string Value)> rows) => rows.Count == 0 ? 0 : rows.Max(row => row.Name.Length) + 2;
}
