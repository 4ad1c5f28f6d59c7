using System.Text.Json;

namespace Slipway.BuildKit.Auth;

/// <summary>What a build needs of Docker's <c>config.json</c>: registry credentials, where to find them, and proxies.</summary>
public sealed class DockerConfig
{
    /// <summary>The key under which Docker Hub's credentials stand.</summary>
    public const string DockerHubKey = "https://index.docker.io/v1/";

    /// <summary>A settings file beyond this is not one; Docker itself writes a few KiB.</summary>
    private const int FileBytesMax = 4 * 1024 * 1024;

    private static readonly JsonDocumentOptions s_reading = new() { MaxDepth = 32 };

    private readonly Dictionary<string, RegistryCredential> _auths = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _helpers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, DockerProxy> _proxies = new(StringComparer.Ordinal);

    private DockerConfig(string path) => Path = path;

    /// <summary>The file these settings came from, whether or not it exists.</summary>
    public string Path { get; }

    public IReadOnlyDictionary<string, RegistryCredential> Auths => _auths;

    /// <summary>The helper that holds every registry without a helper of its own (<c>credsStore</c>), or empty.</summary>
    public string CredentialStore { get; private set; } = "";

    /// <summary>Helpers by registry (<c>credHelpers</c>).</summary>
    public IReadOnlyDictionary<string, string> CredentialHelpers => _helpers;

    /// <summary>Proxies by daemon address, or <c>default</c>.</summary>
    public IReadOnlyDictionary<string, DockerProxy> Proxies => _proxies;

    /// <summary>True when the file says anything about credentials.</summary>
    public bool MentionsCredentials => CredentialStore.Length > 0 || _helpers.Count > 0 || _auths.Count > 0;

    /// <summary>Reads <c>config.json</c> in <paramref name="folder"/>; an absent file has no settings.</summary>
    /// <exception cref="InputException">The file exists and cannot be understood.</exception>
    public static DockerConfig Load(string folder)
    {
        var path = System.IO.Path.Combine(folder, "config.json");
        byte[] content;
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            if (file.Length > FileBytesMax)
            {
                throw Broken(path, $"it is larger than {FileBytesMax} bytes");
            }

            content = new byte[file.Length];
            content = content[..file.ReadAtLeast(content, content.Length, throwOnEndOfStream: false)];
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return new DockerConfig(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"cannot read Docker's settings {path}: {e.Message} Make the file readable, or point DOCKER_CONFIG at another folder.", e);
        }

        return Parse(content, path);
    }

    /// <summary>Reads settings from text; <paramref name="path"/> names it in messages.</summary>
    public static DockerConfig Parse(ReadOnlySpan<byte> json, string path)
    {
        var config = new DockerConfig(path);
        if (json.StartsWith("\uFEFF"u8))
        {
            json = json[3..];
        }

        if (json.Trim(" \t\r\n"u8).IsEmpty)
        {
            return config;
        }

        try
        {
            // Reads one value and leaves what follows it, as Docker does.
            var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = s_reading.MaxDepth });
            using var document = JsonDocument.ParseValue(ref reader);
            config.Read(document.RootElement);
        }
        catch (JsonException e)
        {
            throw Broken(path, $"line {e.LineNumber + 1} is not valid JSON");
        }

        return config;
    }

    /// <summary>The settings' key for a registry host as BuildKit names it.</summary>
    public static string KeyFor(string host) =>
        host is "registry-1.docker.io" or "docker.io" or "index.docker.io" ? DockerHubKey : host;

    /// <summary>The helper that keeps the credentials of <paramref name="key"/>, or empty when the file itself does.</summary>
    public string HelperFor(string key) => _helpers.TryGetValue(key, out var helper) ? helper : CredentialStore;

    /// <summary>The credentials that the file itself holds for <paramref name="key"/>, or null.</summary>
    public RegistryCredential? FindAuth(string key)
    {
        if (_auths.TryGetValue(key, out var credential))
        {
            return credential;
        }

        // Older clients wrote whole URLs as keys.
        foreach (var (written, candidate) in _auths)
        {
            if (HostOf(written) == key)
            {
                return candidate;
            }
        }

        return null;
    }

    /// <summary>The proxies for builds on a daemon: its own entry, or the default one.</summary>
    public DockerProxy? ProxyFor(string daemonAddress) =>
        _proxies.TryGetValue(daemonAddress, out var own) ? own : _proxies.GetValueOrDefault("default");

    /// <summary>Reads the value of <c>DOCKER_AUTH_CONFIG</c>: only <c>auths</c>, and of each only <c>auth</c>.</summary>
    /// <exception cref="InputException">It holds anything else.</exception>
    public static IReadOnlyDictionary<string, RegistryCredential> ParseAuthVariable(string json)
    {
        const string remedy = "DOCKER_AUTH_CONFIG must be {\"auths\":{\"HOST\":{\"auth\":\"BASE64\"}}}; correct or unset it";
        var auths = new Dictionary<string, RegistryCredential>(StringComparer.Ordinal);
        try
        {
            using var document = JsonDocument.Parse(json, s_reading);
            foreach (var top in document.RootElement.EnumerateObject())
            {
                var hosts = top.NameEquals("auths") ? top.Value.EnumerateObject() : throw new InputException($"{remedy} (it has a key \"{top.Name}\")");
                foreach (var host in hosts)
                {
                    auths[host.Name] = ReadAuthOnly(host, remedy);
                }
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new InputException(remedy, e);
        }

        return auths;
    }

    private static RegistryCredential ReadAuthOnly(JsonProperty host, string remedy)
    {
        string? auth = null;
        foreach (var field in host.Value.EnumerateObject())
        {
            auth = field.NameEquals("auth") ? field.Value.GetString() : throw new InputException($"{remedy} ({host.Name} has a key \"{field.Name}\")");
        }

        return auth is not null && RegistryCredential.TryDecode(auth, out var credential)
            ? credential
            : throw new InputException($"{remedy} (the auth of {host.Name} is not base64 of user:password)");
    }

    private void Read(JsonElement root)
    {
        if (root.ValueKind == JsonValueKind.Null)
        {
            return;
        }

        if (root.ValueKind != JsonValueKind.Object)
        {
            throw Broken(Path, "it is not a JSON object");
        }

        // Go's decoder takes keys in any letter case, so files in the wild hold them in any.
        foreach (var field in root.EnumerateObject())
        {
            switch (field.Name.ToLowerInvariant())
            {
                case "auths":
                    Each(field, entry => _auths[entry.Name] = ReadAuth(entry));
                    break;
                case "credsstore":
                    CredentialStore = Text(field);
                    break;
                case "credhelpers":
                    Each(field, entry => _helpers[entry.Name] = Text(entry));
                    break;
                case "proxies":
                    Each(field, entry => _proxies[entry.Name] = ReadProxy(entry));
                    break;
            }
        }
    }

    private RegistryCredential ReadAuth(JsonProperty entry)
    {
        var credential = new RegistryCredential();
        var auth = "";
        Each(entry, field =>
        {
            switch (field.Name.ToLowerInvariant())
            {
                case "auth":
                    auth = Text(field);
                    break;
                case "username":
                    credential = credential with { Username = Text(field) };
                    break;
                case "password":
                    credential = credential with { Password = Text(field) };
                    break;
                case "identitytoken":
                    credential = credential with { IdentityToken = Text(field) };
                    break;
                case "registrytoken":
                    credential = credential with { RegistryToken = Text(field) };
                    break;
            }
        });
        if (auth.Length == 0)
        {
            return credential;
        }

        return RegistryCredential.TryDecode(auth, out var decoded)
            ? credential with { Username = decoded.Username, Password = decoded.Password }
            : throw Broken(Path, $"the auth value of {entry.Name} is not base64 of user:password");
    }

    private DockerProxy ReadProxy(JsonProperty entry)
    {
        var proxy = new DockerProxy();
        Each(entry, field =>
        {
            proxy = field.Name.ToLowerInvariant() switch
            {
                "httpproxy" => proxy with { HttpProxy = Text(field) },
                "httpsproxy" => proxy with { HttpsProxy = Text(field) },
                "noproxy" => proxy with { NoProxy = Text(field) },
                "ftpproxy" => proxy with { FtpProxy = Text(field) },
                "allproxy" => proxy with { AllProxy = Text(field) },
                _ => proxy,
            };
        });
        return proxy;
    }

    private void Each(JsonProperty property, Action<JsonProperty> read)
    {
        if (property.Value.ValueKind == JsonValueKind.Null)
        {
            return;
        }

        if (property.Value.ValueKind != JsonValueKind.Object)
        {
            throw Broken(Path, $"\"{property.Name}\" is not an object");
        }

        foreach (var field in property.Value.EnumerateObject())
        {
            read(field);
        }
    }

    private string Text(JsonProperty property) => property.Value.ValueKind switch
    {
        JsonValueKind.String => property.Value.GetString()!,
        JsonValueKind.Null => "",
        _ => throw Broken(Path, $"\"{property.Name}\" is not a string"),
    };

    private static string HostOf(string written)
    {
        if (written.Contains("://", StringComparison.Ordinal) && Uri.TryCreate(written, UriKind.Absolute, out var url) && url.Host.Length > 0)
        {
            return url.IsDefaultPort && !written.Contains($"{url.Host}:{url.Port}", StringComparison.OrdinalIgnoreCase) ? url.Host : $"{url.Host}:{url.Port}";
        }

        var slash = written.IndexOf('/', StringComparison.Ordinal);
        return slash < 0 ? written : written[..slash];
    }

    private static InputException Broken(string path, string problem) =>
        new($"cannot use Docker's settings {path}: {problem}. Correct the file, or move it away and run docker login again.");
}
