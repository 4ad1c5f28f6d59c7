using System.Net;
using System.Text.Json;

namespace Slipway.Settings;

/// <summary>What the process was told besides its flags: the environment, and <c>slipway.json</c>. Read here and nowhere else.</summary>
internal sealed class SlipwaySettings
{
    private readonly Dictionary<string, string> _file = new(StringComparer.Ordinal);
    private readonly List<string> _problems = [];

    /// <summary>A URL and a token for the admin commands, as for the client.</summary>
    public static string? ApiUrl => Read("DEPOT_API_URL");

    public static string? Token => Read("DEPOT_TOKEN");

    /// <summary>Where programs are looked for.</summary>
    public static string? SearchPath => Read("PATH");

    public static string? Home => Read("HOME");

    /// <summary>HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, as .NET reads them by itself.</summary>
    public static IWebProxy Proxy => HttpClient.DefaultProxy;

    /// <summary>Everything wrong so far, one sentence each.</summary>
    public IReadOnlyList<string> Problems => _problems;

    /// <summary>flag &gt; <c>SLIPWAY_…</c> &gt; file; null when none has a value. An empty value counts as unset.</summary>
    public string? Find(Setting setting, string? flag) =>
        NotEmpty(flag) ?? Read(setting.Variable) ?? NotEmpty(_file.GetValueOrDefault(setting.Key));

    /// <summary>A setting that is a list: given as several flags, or separated by commas.</summary>
    public IReadOnlyList<string> FindAll(Setting setting, IReadOnlyList<string>? flags) =>
        flags is { Count: > 0 }
            ? flags
            : Find(setting, null)?.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? [];

    public T? Parse<T>(Setting setting, string? flag, Func<string, T?> parse, string expected)
        where T : struct
    {
        if (Find(setting, flag) is not { } text)
        {
            return null;
        }

        var value = parse(text);
        if (value is null)
        {
            _problems.Add($"{setting.Flag} is \"{text}\": it must be {expected}");
        }

        return value;
    }

    public void Add(IEnumerable<string> problems) => _problems.AddRange(problems);

    /// <summary>Reads the file that was named, which must be there, or the usual one, which need not.</summary>
    public void ReadFile(string? named, string usual)
    {
        var path = named ?? Read("SLIPWAY_CONFIG");
        if (path is null && !File.Exists(usual))
        {
            return;
        }

        path ??= usual;
        try
        {
            using var document = JsonDocument.Parse(
                File.ReadAllBytes(path), new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
            Read(path, document.RootElement);
        }
        catch (JsonException broken)
        {
            _problems.Add($"{path} is not JSON (line {broken.LineNumber + 1}): correct it, or remove it");
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            _problems.Add($"{path} cannot be read: {failure.Message}");
        }
    }

    private void Read(string path, JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object)
        {
            _problems.Add($"{path} must hold one object: {{\"listen\": \"127.0.0.1:8400\"}}");
            return;
        }

        foreach (var property in root.EnumerateObject())
        {
            if (Setting.All.All(setting => setting.Key != property.Name))
            {
                _problems.Add($"{path} has the unknown setting \"{property.Name}\"; known are {string.Join(", ", Setting.All.Select(s => s.Key))}");
            }
            else if (TextOf(property.Value) is not { } value)
            {
                _problems.Add($"{path} sets \"{property.Name}\" to {property.Value.GetRawText()}: it must be a text, a number, true or false, or a list of those");
            }
            else if (!_file.TryAdd(property.Name, value))
            {
                _problems.Add($"{path} sets \"{property.Name}\" twice: remove one");
            }
        }
    }

    /// <returns>The value as a flag would have it; null for what no flag can say.</returns>
    private static string? TextOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null => "",
        JsonValueKind.True => "on",
        JsonValueKind.False => "off",
        JsonValueKind.String or JsonValueKind.Number => value.ToString(),
        JsonValueKind.Array when value.EnumerateArray().Select(TextOf).ToArray() is var items && !items.Contains(null) => string.Join(',', items),
        _ => null,
    };

    // The one place of this program that reads its environment.
#pragma warning disable RS0030
    private static string? Read(string variable) => NotEmpty(Environment.GetEnvironmentVariable(variable));
#pragma warning restore RS0030

    private static string? NotEmpty(string? value) => string.IsNullOrWhiteSpace(value) ? null : value;
}
