using System.CommandLine;

namespace Slipway.Settings;

/// <summary>A command's flags for a set of settings.</summary>
internal sealed class SettingOptions
{
    private readonly Dictionary<Setting, Option<string[]>> _options = [];
    private readonly Option<string?> _config = new("--config") { Description = "settings file (default: slipway.json in the data folder)" };
    private readonly Setting _folder;
    private readonly Func<string> _usualFolder;

    /// <param name="command">The command that gets the flags.</param>
    /// <param name="folder">The setting that names the data folder, where the settings file lies.</param>
    /// <param name="usualFolder">The data folder when none is named.</param>
    /// <param name="shortFlags">Leave "builder-" off.</param>
    /// <param name="settings">What the command takes.</param>
    public SettingOptions(Command command, Setting folder, Func<string> usualFolder, bool shortFlags, params ReadOnlySpan<Setting> settings)
    {
        _folder = folder;
        _usualFolder = usualFolder;
        foreach (var setting in settings)
        {
            var option = new Option<string[]>(shortFlags ? setting.ShortFlag : setting.Flag)
            {
                Description = $"{setting.Description} [{setting.Variable}]",
                Arity = ArgumentArity.OneOrMore,
                AllowMultipleArgumentsPerToken = false,
            };
            _options[setting] = option;
            command.Options.Add(option);
        }

        command.Options.Add(_config);
    }

    public SettingValues Read(ParseResult parsed)
    {
        var settings = new SlipwaySettings();
        var folder = settings.Find(_folder, Last(parsed, _folder)) ?? _usualFolder();
        settings.ReadFile(parsed.GetValue(_config), Path.Combine(folder, "slipway.json"));
        return new SettingValues(settings, folder, setting => Last(parsed, setting), setting => All(parsed, setting));
    }

    private string? Last(ParseResult parsed, Setting setting) => All(parsed, setting)?.LastOrDefault();

    private string[]? All(ParseResult parsed, Setting setting) =>
        _options.TryGetValue(setting, out var option) ? parsed.GetValue(option) : null;
}

/// <summary>The settings of one run, after flags, environment and file have been asked.</summary>
internal sealed class SettingValues(
    SlipwaySettings settings, string folder, Func<Setting, string?> last, Func<Setting, IReadOnlyList<string>?> all)
{
    public SlipwaySettings Settings => settings;

    /// <summary>The data folder.</summary>
    public string Folder => folder;

    public string? this[Setting setting] => settings.Find(setting, last(setting));

    public IReadOnlyList<string> All(Setting setting) => settings.FindAll(setting, all(setting));

    public T? Parse<T>(Setting setting, Func<string, T?> parse, string expected)
        where T : struct => settings.Parse(setting, last(setting), parse, expected);
}
