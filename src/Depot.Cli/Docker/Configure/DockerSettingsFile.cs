using System.Text.Json;

namespace Depot.Cli.Docker.Configure;

/// <summary>The Docker CLI's <c>config.json</c>, of which one text is ours: <c>aliases.builder</c>, by which <c>docker build</c> goes to the
/// plugin buildx without asking a daemon first, and fails instead of building locally when the plugin is broken.</summary>
internal sealed class DockerSettingsFile(string folder)
{
    private const string BuilderAlias = "buildx";
    private static readonly string[] s_alias = ["aliases", "builder"];

    private readonly string _path = Path.Combine(folder, "config.json");

    public bool Exists => File.Exists(_path);

    public string? Builder => JsonEdit.Get(Read(), s_alias);

    public bool IsSet => Builder == BuilderAlias;

    public void Set() => WholeFile.Write(_path, JsonEdit.Set(Read(), BuilderAlias, s_alias));

    /// <param name="previous">What stood there before; null for nothing.</param>
    /// <param name="created">The file was made for this: without anything else in it, it goes.</param>
    public void Restore(string? previous, bool created)
    {
        var rest = previous is null ? JsonEdit.Remove(Read(), s_alias) : JsonEdit.Set(Read(), previous, s_alias);
        if (created && rest.AsSpan().SequenceEqual("{}\n"u8))
        {
            File.Delete(_path);
            return;
        }

        WholeFile.Write(_path, rest);
    }

    private byte[] Read()
    {
        var text = Exists ? File.ReadAllBytes(_path) : [];
        if (!text.AsSpan().ContainsAnyExcept(" \t\r\n"u8))
        {
            return "{}\n"u8.ToArray();
        }

        try
        {
            using var document = JsonDocument.Parse(text);
            if (document.RootElement.ValueKind == JsonValueKind.Object)
            {
                return text;
            }
        }
        catch (JsonException)
        {
            // Named below.
        }

        throw new CliException($"{_path} is not a JSON object") { Remedy = "Correct it; Docker cannot read it either." };
    }
}
