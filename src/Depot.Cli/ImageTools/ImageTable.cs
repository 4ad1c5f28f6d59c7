using System.Text;
using System.Text.Json.Nodes;

namespace Depot.Cli.ImageTools;

/// <summary>An image as buildx shows it to people: names and values in columns, which begin anew behind annotations.</summary>
internal sealed class ImageTable
{
    private const string Indent = "  ";

    private readonly StringBuilder _text = new();
    private readonly List<(string Name, string Value)> _rows = [];

    private ImageTable()
    {
    }

    public static string Write(StoredImage image)
    {
        var table = new ImageTable();
        table._rows.AddRange([("Name:", image.Name.Text), ("MediaType:", image.MediaType), ("Digest:", image.Digest)]);
        if (image.IsIndex)
        {
            table._rows.Add(("", ""));
            table.Flush();
            table._text.Append("Manifests: \n");
            table.AddAll(image);
        }

        table.Flush();
        return table._text.ToString();
    }

    public static string PlatformOf(JsonObject platform) =>
        string.Join('/', new[] { "os", "architecture", "variant" }.Select(part => (string?)platform[part]).Where(part => !string.IsNullOrEmpty(part)));

    private void AddAll(StoredImage image)
    {
        var isFirst = true;
        foreach (var entry in image.Manifests)
        {
            if (!isFirst)
            {
                _rows.Add(("", ""));
            }

            isFirst = false;
            Add("Name", $"{image.Name.Text.Split('@')[0]}@{(string?)entry["digest"]}");
            Add("MediaType", (string?)entry["mediaType"]);
            if (entry["platform"] is JsonObject platform)
            {
                AddPlatform(entry, platform);
            }
        }
    }

    private void AddPlatform(JsonObject entry, JsonObject platform)
    {
        Add("Platform", PlatformOf(platform));
        Add("OSVersion", (string?)platform["os.version"]);
        Add("OSFeatures", Joined(platform["os.features"]));
        Add("URLs", Joined(entry["urls"]));
        if (entry["annotations"] is JsonObject { Count: > 0 } annotations)
        {
            _rows.Add(($"{Indent}Annotations:", ""));
            Flush();
            _rows.AddRange(annotations.OrderBy(annotation => annotation.Key, StringComparer.Ordinal).Select(annotation => ($"{Indent}{Indent}{annotation.Key}:", (string?)annotation.Value ?? "")));
            Flush();
        }
    }

    private void Add(string name, string? value)
    {
        if (!string.IsNullOrEmpty(value))
        {
            _rows.Add(($"{Indent}{name}:", value));
        }
    }

    private static string? Joined(JsonNode? list) => list is JsonArray items ? string.Join(", ", items.Select(item => (string?)item)) : null;

    private void Flush()
    {
        var width = _rows.Count == 0 ? 0 : _rows.Max(row => row.Name.Length) + 1;
        foreach (var (name, value) in _rows)
        {
            _text.Append(name.PadRight(width)).Append(value).Append('\n');
        }

        _rows.Clear();
    }
}
