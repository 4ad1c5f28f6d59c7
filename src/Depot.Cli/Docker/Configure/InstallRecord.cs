using System.Text.Json;

namespace Depot.Cli.Docker.Configure;

/// <summary>What was there before this program became Docker's builder, and what has to be known to take it away again. Holds no secret.</summary>
internal sealed record InstallRecord
{
    private const string Name = "depot-docker.json";

    /// <summary>A machine's record is for all of its users.</summary>
    private const UnixFileMode Readable = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    /// <summary>Docker's settings file was made for this.</summary>
    public required bool CreatedSettings { get; init; }

    /// <summary>What <c>aliases.builder</c> was; null when it was not set.</summary>
    public required string? PreviousBuilder { get; init; }

    /// <summary>The project that <c>--project</c> named, for builds that name none.</summary>
    public required string? ProjectId { get; init; }

    /// <param name="folder">The plugin folder.</param>
    public static InstallRecord? Read(string folder)
    {
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, Name)));
            return new InstallRecord
            {
                CreatedSettings = document.RootElement.TryGetProperty("createdSettings", out var created) && created.ValueKind == JsonValueKind.True,
                PreviousBuilder = Text(document.RootElement, "previousBuilder"),
                ProjectId = Text(document.RootElement, "projectId"),
            };
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException or JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    public void Write(string folder)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteBoolean("createdSettings", CreatedSettings);
            json.WriteString("previousBuilder", PreviousBuilder);
            json.WriteString("projectId", ProjectId);
            json.WriteEndObject();
        }

        WholeFile.Write(Path.Combine(folder, Name), buffer.ToArray(), Readable);
    }

    public static void Delete(string folder) => File.Delete(Path.Combine(folder, Name));

    private static string? Text(JsonElement record, string name) =>
        record.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
