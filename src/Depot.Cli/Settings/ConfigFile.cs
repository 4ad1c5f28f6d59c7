using System.Text;

namespace Depot.Cli.Settings;

/// <summary>The user's own <c>depot.yaml</c>: the token that <c>depot login</c> stored, the organisation, the server.</summary>
internal sealed record ConfigFile(string? ApiToken, string? OrganizationId, string? ApiUrl)
{
    public static ConfigFile Empty { get; } = new(null, null, null);

    public static ConfigFile Read(string path)
    {
        string text;
        try
        {
            text = File.ReadAllText(path);
        }
        catch (Exception problem) when (problem is FileNotFoundException or DirectoryNotFoundException)
        {
            return Empty;
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new CliException($"could not read the settings file {path}: {problem.Message}");
        }

        try
        {
            var keys = YamlMapping.Read(text);
            return new ConfigFile(Find(keys, "api_token"), Find(keys, "org_id"), Find(keys, "api_url"));
        }
        catch (FormatException problem)
        {
            throw new CliException($"the settings file {path} is not valid YAML ({problem.Message})")
            {
                Remedy = "Correct it, or remove it and run `depot login` again.",
            };
        }
    }

    /// <summary>Replaces the file as a whole; only its owner may read it, from its first byte on.</summary>
    public void Write(string path)
    {
        var folder = Path.GetDirectoryName(path)!;
        OwnerOnly.CreateFolder(folder);
        var text = new StringBuilder();
        Line(text, "api_token", ApiToken ?? "");
        Line(text, "org_id", OrganizationId ?? "");
        if (ApiUrl is not null)
        {
            Line(text, "api_url", ApiUrl);
        }

        var temporary = Path.Combine(folder, $".depot-{Guid.NewGuid():N}.yaml");
        using (var stream = OwnerOnly.CreateFile(temporary))
        {
            stream.Write(Encoding.UTF8.GetBytes(text.ToString()));
        }

        File.Move(temporary, path, overwrite: true);
    }

    private static string? Find(IReadOnlyList<KeyValuePair<string, string?>> keys, string name)
    {
        foreach (var (key, value) in keys)
        {
            if (key == name && value is { Length: > 0 })
            {
                return value;
            }
        }

        return null;
    }

    /// <summary>A single-quoted YAML scalar: nothing in it has a meaning but the quote itself.</summary>
    private static void Line(StringBuilder text, string key, string value) =>
        text.Append(key).Append(": '").Append(value.Replace("'", "''", StringComparison.Ordinal)).Append("'\n");
}
