using System.Globalization;

namespace Slipway.Bake.Compose;

/// <summary>A value of a YAML file.</summary>
internal abstract class YamlValue
{
    /// <summary><c>!reset</c> takes away what an earlier file set, <c>!override</c> replaces it as a whole.</summary>
    public string Tag { get; init; } = "";

    public int Line { get; init; }
}

/// <summary>Text, a number, a truth value or nothing.</summary>
/// <param name="plain">Written without quotes, so that <c>true</c> and <c>null</c> mean what they say.</param>
internal sealed class YamlText(string text, bool plain) : YamlValue
{
    public string Text => text;

    public bool Plain => plain;

    public bool IsNull => plain && text is "" or "~" or "null" or "Null" or "NULL";

    public bool? Truth => text switch
    {
        "true" or "True" or "TRUE" => true,
        "false" or "False" or "FALSE" => false,
        _ => null,
    };

    public long? Whole => plain && long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole) ? whole : null;
}

/// <summary>Values in order.</summary>
internal sealed class YamlList(List<YamlValue> items) : YamlValue
{
    public List<YamlValue> Items => items;
}

/// <summary>Values by key, in the order of the file.</summary>
internal sealed class YamlMap : YamlValue
{
    public List<string> Keys { get; } = [];

    private readonly Dictionary<string, YamlValue> _values = new(StringComparer.Ordinal);

    public YamlValue? this[string key]
    {
        get => _values.GetValueOrDefault(key);
        set
        {
            if (value is null)
            {
                _ = _values.Remove(key) && Keys.Remove(key);
                return;
            }

            if (!_values.ContainsKey(key))
            {
                Keys.Add(key);
            }

            _values[key] = value;
        }
    }

    public IEnumerable<(string Key, YamlValue Value)> Entries => Keys.Select(key => (key, _values[key]));

    /// <summary>Null also where the key holds nothing.</summary>
    public YamlValue? Find(string key) => this[key] is YamlText { IsNull: true } ? null : this[key];
}
