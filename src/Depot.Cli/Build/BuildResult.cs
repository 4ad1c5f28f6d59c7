using System.Text.Encodings.Web;
using System.Text.Json;
using Depot.Cli.Rendering;
using Slipway.BuildKit.Wire.Control;

namespace Depot.Cli.Build;

/// <summary>What BuildKit answered at the end of a build, and the files that the user wants of it.</summary>
internal sealed class BuildResult(IReadOnlyDictionary<string, string> answer, bool preferImageDigest)
{
    private const string ConfigDigest = "containerimage.config.digest";
    public const string ImageDigest = "containerimage.digest";
    public const string ImageDescriptor = "containerimage.descriptor";
    public const string ImageName = "image.name";

    /// <summary>Who built it, and under which reference: project, architecture, Solve.</summary>
    public const string Reference = "buildx.build.ref";

    private const string Warnings = "buildx.build.warnings";

    internal static readonly JsonWriterOptions Indented = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly SortedDictionary<string, string> _answer = new(
        answer.Where(entry => !(preferImageDigest && entry.Key == ConfigDigest)).ToDictionary(entry => entry.Key, entry => entry.Value), StringComparer.Ordinal);

    /// <summary>Of a question to the frontend.</summary>
    public static BuildResult None { get; } = new(new Dictionary<string, string>(), preferImageDigest: false);

    /// <summary>The image's id: its config's digest, or its manifest's where Docker names images by that; empty without an image.</summary>
    public string ImageId => _answer.GetValueOrDefault(ConfigDigest) ?? _answer.GetValueOrDefault(ImageDigest) ?? "";

    /// <summary>What the frontend wants said at the end.</summary>
    public string? Message => _answer.GetValueOrDefault("frontend.result.inlinemessage");

    public void WriteImageId(string path) =>
        Write(() => File.WriteAllText(path, ImageId), reason => $"writing image ID file: open {path}: {reason}");

    /// <summary>Writes the metadata file whole or not at all.</summary>
    public void WriteMetadata(string path, string buildId, string projectId, IReadOnlyList<VertexWarning> warnings) =>
        WriteMetadata(path, Metadata(buildId, projectId, warnings));

    internal static void WriteMetadata(string path, byte[] metadata)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        Write(
            () =>
            {
                var temporary = Path.Combine(folder, $".{Path.GetFileName(path)}-{SolveCall.NewIdentifier()}");
                File.WriteAllBytes(temporary, metadata);
                File.Move(temporary, path, overwrite: true);
            },
            reason => Directory.Exists(folder) ? $"writing metadata file {path}: {reason}" : $"invalid output path: stat {folder}: {reason}");
    }

    internal byte[] Metadata(string buildId, string projectId, IReadOnlyList<VertexWarning> warnings)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, Indented))
        {
            json.WriteStartObject();
            WriteEntries(json, buildId, projectId);
            WriteWarnings(json, warnings);
            json.WriteEndObject();
        }

        return buffer.ToArray();
    }

    /// <summary>The warnings of a build, or of all targets; nothing when there is none.</summary>
    internal static void WriteWarnings(Utf8JsonWriter json, IReadOnlyList<VertexWarning> warnings)
    {
        if (warnings.Count == 0)
        {
            return;
        }

        json.WriteStartArray(Warnings);
        foreach (var warning in warnings)
        {
            using var one = JsonDocument.Parse(StatusJson.Of(warning));
            one.RootElement.WriteTo(json);
        }

        json.WriteEndArray();
    }

    internal void WriteEntries(Utf8JsonWriter json, string buildId, string projectId)
    {
        foreach (var (key, value) in _answer)
        {
            json.WritePropertyName(key);
            WriteValue(json, value);
        }

        json.WriteStartObject("depot.build");
        json.WriteString("buildID", buildId);
        json.WriteString("projectID", projectId);
        json.WriteEndObject();
    }

    /// <summary>A value that is base64 of a JSON object, or of a list of them, stands in the file as that JSON.</summary>
    private static void WriteValue(Utf8JsonWriter json, string value)
    {
        try
        {
            using var document = JsonDocument.Parse(Convert.FromBase64String(value));
            if (IsObject(document.RootElement) || IsListOfObjects(document.RootElement))
            {
                document.RootElement.WriteTo(json);
                return;
            }
        }
        catch (Exception problem) when (problem is FormatException or JsonException)
        {
            // An ordinary text.
        }

        json.WriteStringValue(value);
    }

    private static bool IsObject(JsonElement element) => element.ValueKind == JsonValueKind.Object && element.EnumerateObject().Any();

    private static bool IsListOfObjects(JsonElement element) =>
        element.ValueKind == JsonValueKind.Array && element.GetArrayLength() > 0 && element.EnumerateArray().All(item => item.ValueKind == JsonValueKind.Object);

    private static void Write(Action write, Func<string, string> describe)
    {
        try
        {
            write();
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            var reason = problem is DirectoryNotFoundException ? "no such file or directory" : problem.Message;
            throw new CliException(describe(reason), inner: problem)
            {
                Remedy = "The build itself succeeded.",
            };
        }
    }
}
