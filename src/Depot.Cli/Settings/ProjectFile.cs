using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Depot.Cli.Settings;

/// <summary><c>depot.json</c>, <c>depot.yml</c> or <c>depot.yaml</c>: which project a folder belongs to.</summary>
internal sealed record ProjectFile(string Path, string Id)
{
    private static readonly string[] Names = ["depot.json", "depot.yml", "depot.yaml"];

    /// <summary>The nearest project file in <paramref name="folder"/> or above it.</summary>
    /// <remarks>The nearest one decides: a broken file is an error that names it. Falling through to a parent's project would
    /// build into somebody else's cache.</remarks>
    public static ProjectFile? Find(string folder, Action<string> warn) => FindPath(folder) is { } path ? Read(path, warn) : null;

    /// <summary>Where the nearest project file is, whatever is in it.</summary>
    public static string? FindPath(string folder)
    {
        for (var current = System.IO.Path.GetFullPath(folder); current is not null; current = System.IO.Path.GetDirectoryName(current))
        {
            foreach (var name in Names)
            {
                var path = System.IO.Path.Combine(current, name);
                if (File.Exists(path))
                {
                    return path;
                }
            }
        }

        return null;
    }

    public static ProjectFile Read(string path, Action<string> warn)
    {
        string? id = null;
        string? mistaken = null;
        foreach (var (key, value) in ReadKeys(path))
        {
            if (key == "id")
            {
                id = value;
            }
            else
            {
                mistaken ??= key is "projectId" or "project_id" or "project" ? key : null;
                warn($"{path}: unknown key \"{key}\" is ignored");
            }
        }

        return id is { Length: > 0 }
            ? new ProjectFile(path, id)
            : throw new CliException($"{path} names no project: the key \"id\" is missing or empty")
            {
                Remedy = mistaken is null
                    ? "Write {\"id\": \"PROJECT\"} into it, or run `depot init --force`."
                    : $"Rename its key \"{mistaken}\" to \"id\".",
            };
    }

    /// <summary>Writes the compact form that the published client writes; other keys of a file that is there stay.</summary>
    public static void Write(string path, string id)
    {
        try
        {
            var old = File.Exists(path) ? File.ReadAllText(path) : "";
            var text = System.IO.Path.GetExtension(path) == ".json" ? Json(old, id) : Yaml(old, id);
            File.WriteAllText(path, text, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new CliException($"could not write the project file {path}: {problem.Message}", inner: problem);
        }
    }

    private static string Json(string old, string id)
    {
        var bytes = new MemoryStream();
        var options = new JsonWriterOptions { Indented = old.TrimEnd().Contains('\n', StringComparison.Ordinal), Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
        using (var json = new Utf8JsonWriter(bytes, options))
        {
            json.WriteStartObject();
            json.WriteString("id", id);
            CopyOthers(old, json);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(bytes.ToArray()) + "\n";
    }

    /// <summary>A file that is no JSON object has nothing to keep: with --force it is replaced.</summary>
    private static void CopyOthers(string old, Utf8JsonWriter json)
    {
        try
        {
            using var document = JsonDocument.Parse(old);
            foreach (var property in document.RootElement.ValueKind == JsonValueKind.Object ? document.RootElement.EnumerateObject() : default)
            {
                if (property.Name != "id")
                {
                    property.WriteTo(json);
                }
            }
        }
        catch (JsonException)
        {
            // Nothing was written before the parser gave up.
        }
    }

    /// <summary>Replaces the line of the key; the others stay as they are, comments too.</summary>
    private static string Yaml(string old, string id)
    {
        var line = $"id: {id}";
        var lines = old.TrimEnd('\n').Split('\n').ToList();
        var at = lines.FindIndex(text => text.StartsWith("id:", StringComparison.Ordinal));
        if (at >= 0)
        {
            lines[at] = line;
        }
        else
        {
            lines.Insert(0, line);
        }

        return string.Join('\n', lines).TrimEnd('\n') + "\n";
    }

    private static IReadOnlyList<KeyValuePair<string, string?>> ReadKeys(string path)
    {
        try
        {
            var text = File.ReadAllText(path);
            return TryReadJson(text) ?? YamlMapping.Read(text);
        }
        catch (FormatException problem)
        {
            throw new CliException($"{path} is not a valid project file: {problem.Message}")
            {
                Remedy = "It should read {\"id\": \"PROJECT\"}; run `depot init --force` to write it anew.",
            };
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new CliException($"could not read the project file {path}: {problem.Message}");
        }
    }

    /// <summary>JSON is YAML too, but its own reader is there faster; null leaves the text to the YAML parser.</summary>
    private static List<KeyValuePair<string, string?>>? TryReadJson(string text)
    {
        try
        {
            using var document = JsonDocument.Parse(text);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                return null;
            }

            var keys = new List<KeyValuePair<string, string?>>();
            foreach (var property in document.RootElement.EnumerateObject())
            {
                var value = property.Value.ValueKind switch
                {
                    JsonValueKind.String => property.Value.GetString(),
                    JsonValueKind.Number => property.Value.GetRawText(),
                    _ => null,
                };
                keys.Add(new(property.Name, value));
            }

            return keys;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
