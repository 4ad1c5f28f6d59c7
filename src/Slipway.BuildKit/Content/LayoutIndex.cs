using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Slipway.BuildKit.Content;

/// <summary>The <c>index.json</c> of an OCI image layout, while something is added to it.</summary>
/// <remarks>What is there under the same name gives way; all else stays, as it was written. Several programs may add to one layout: like BuildKit's own
/// client, each holds <c>index.json.lock</c> (flock) meanwhile.</remarks>
public sealed class LayoutIndex(OciLayout layout, TimeProvider clock)
{
    private const string ImageAnnotation = "io.containerd.image.name";
    private const string TagAnnotation = "org.opencontainers.image.ref.name";
    private static readonly TimeSpan RetryAfter = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan WaitMax = TimeSpan.FromSeconds(30);

    private readonly string _path = Path.Combine(layout.Folder, "index.json");

    /// <param name="descriptor">The manifest's or index's descriptor, as JSON.</param>
    /// <exception cref="IOException">The index cannot be read, or not be written.</exception>
    public async Task PutAsync(string descriptor, IEnumerable<LayoutName> names, CancellationToken cancellation)
    {
        Directory.CreateDirectory(layout.Folder);
        await using var held = await LockAsync(cancellation);
        await File.WriteAllTextAsync(Path.Combine(layout.Folder, "oci-layout"), """{"imageLayoutVersion":"1.0.0"}""", cancellation);
        var index = Read();
        var entries = index["manifests"]!.AsArray();
        foreach (var name in names)
        {
            Insert(entries, JsonNode.Parse(descriptor)!.AsObject(), name);
        }

        var partial = $"{_path}.{Guid.NewGuid():N}";
        await File.WriteAllBytesAsync(partial, Write(index), cancellation);
        File.Move(partial, _path, overwrite: true);
        File.Delete(held.Name);
    }

    private static void Insert(JsonArray entries, JsonObject descriptor, LayoutName name)
    {
        for (var i = entries.Count - 1; i >= 0; i--)
        {
            if (Annotation(entries[i], TagAnnotation) == name.Tag && Annotation(entries[i], ImageAnnotation) == name.Image)
            {
                entries.RemoveAt(i);
            }
        }

        var annotations = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (key, value) in descriptor["annotations"]?.AsObject() ?? [])
        {
            annotations[key] = (string?)value ?? "";
        }

        if (name.Image.Length > 0)
        {
            annotations[ImageAnnotation] = name.Image;
        }

        annotations[TagAnnotation] = name.Tag;
        descriptor["annotations"] = new JsonObject(annotations.Select(entry => KeyValuePair.Create(entry.Key, (JsonNode?)entry.Value)));
        entries.Add((JsonNode)descriptor);
    }

    private static string Annotation(JsonNode? entry, string name) => (string?)entry?["annotations"]?[name] ?? "";

    private JsonObject Read()
    {
        try
        {
            var index = File.Exists(_path) && File.ReadAllText(_path) is { Length: > 0 } text ? JsonNode.Parse(text)!.AsObject() : [];
            index["schemaVersion"] ??= 2;
            index["mediaType"] ??= "application/vnd.oci.image.index.v1+json";
            index["manifests"] ??= new JsonArray();
            _ = index["manifests"]!.AsArray();
            return index;
        }
        catch (Exception problem) when (problem is JsonException or InvalidOperationException)
        {
            throw new IOException($"{_path} is not the index of an OCI layout", problem);
        }
    }

    private static byte[] Write(JsonObject index)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            index.WriteTo(json);
        }

        return buffer.ToArray();
    }

    private async Task<FileStream> LockAsync(CancellationToken cancellation)
    {
        var start = clock.GetTimestamp();
        while (true)
        {
            try
            {
                return new FileStream($"{_path}.lock", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException problem) when (problem is not (DirectoryNotFoundException or FileNotFoundException) && clock.GetElapsedTime(start) < WaitMax)
            {
                await Task.Delay(RetryAfter, clock, cancellation);
            }
        }
    }
}
