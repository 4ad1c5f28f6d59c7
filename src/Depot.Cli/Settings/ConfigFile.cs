using System.Text;

namespace Depot.Cli.Settings;

/// <summary>The user's own <c>depot.yaml</c>: what <c>depot login</c> stored, for each server its own.</summary>
/// <remarks>
/// <code>
/// api_token: 'slpu_…'              of the server below, or of any server when there is none: the published client writes and reads
/// org_id: 'o…'                     these two
/// api_url: 'https://slipway.example.com'
/// servers:                         the others; a list, because the published client's settings library would split a URL at its dots
///   - url: 'https://other.example.com'
///     api_token: 'slpu_…'
///     org_id: ''
/// </code>
/// </remarks>
internal sealed record ConfigFile(ServerLogin Own, string? ApiUrl)
{
    private const string Token = "api_token";
    private const string Organization = "org_id";
    private const string Address = "api_url";
    private const string Servers = "servers";

    /// <summary>The logins of servers other than <see cref="ApiUrl"/>, by their addresses.</summary>
    private readonly SortedDictionary<string, ServerLogin> _others = new(StringComparer.OrdinalIgnoreCase);

    public static ConfigFile Empty => new(ServerLogin.None, null);

    /// <summary>The login for the server at <paramref name="url"/>.</summary>
    public ServerLogin For(string url) => IsOwn(url) ? Own : _others.GetValueOrDefault(Normal(url), ServerLogin.None);

    /// <summary>The same file with another login for one server. The first one that is signed in to becomes the one to use without a word.</summary>
    public ConfigFile With(string url, ServerLogin login)
    {
        var changed = IsOwn(url)
            ? new ConfigFile(login, ApiUrl ?? (login.Token is null ? null : Normal(url)))
            : new ConfigFile(Own, ApiUrl);
        foreach (var (other, kept) in _others)
        {
            changed._others[other] = kept;
        }

        if (!IsOwn(url))
        {
            changed._others[Normal(url)] = login;
        }

        return changed;
    }

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
            return Parse(text);
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
        try
        {
            OwnerOnly.CreateFolder(folder);
            var temporary = Path.Combine(folder, $".depot-{Guid.NewGuid():N}.yaml");
            using (var stream = OwnerOnly.CreateFile(temporary))
            {
                stream.Write(Encoding.UTF8.GetBytes(Text()));
            }

            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new CliException($"could not write the settings file {path}: {problem.Message}", inner: problem)
            {
                Remedy = "Where no file can be kept, set DEPOT_TOKEN instead.",
            };
        }
    }

    internal static ConfigFile Parse(string text)
    {
        var keys = YamlMapping.Read(text);
        var file = new ConfigFile(LoginOf(keys), Find(keys, Address));
        foreach (var server in YamlMapping.ReadItems(text, Servers))
        {
            if (Find(server, "url") is { } url)
            {
                file._others[Normal(url)] = LoginOf(server);
            }
        }

        return file;
    }

    private string Text()
    {
        var text = new StringBuilder();
        Append(text, "", Own);
        if (ApiUrl is not null)
        {
            Line(text, "", Address, ApiUrl);
        }

        if (_others.Count > 0)
        {
            text.Append(Servers).Append(":\n");
        }

        foreach (var (url, login) in _others)
        {
            Line(text, "  - ", "url", url);
            Append(text, "    ", login);
        }

        return text.ToString();
    }

    private bool IsOwn(string url) => ApiUrl is null || string.Equals(Normal(ApiUrl), Normal(url), StringComparison.OrdinalIgnoreCase);

    private static string Normal(string url) => url.TrimEnd('/');

    private static ServerLogin LoginOf(IReadOnlyList<KeyValuePair<string, string?>> keys) => new(Find(keys, Token), Find(keys, Organization));

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

    private static void Append(StringBuilder text, string indent, ServerLogin login)
    {
        Line(text, indent, Token, login.Token ?? "");
        Line(text, indent, Organization, login.OrganizationId ?? "");
    }

    /// <summary>A single-quoted YAML scalar: nothing in it has a meaning but the quote itself.</summary>
    private static void Line(StringBuilder text, string indent, string key, string value) =>
        text.Append(indent).Append(key).Append(": '").Append(value.Replace("'", "''", StringComparison.Ordinal)).Append("'\n");
}
