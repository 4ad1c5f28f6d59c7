using System.Globalization;

namespace Depot.Cli.Flags;

/// <summary>The flags of one command, and the grammar of its command line.</summary>
/// <remarks>
/// The grammar and the error texts are those of spf13/pflag, which the Docker CLI, buildx and the published client use: scripts are
/// written for it and match its words. It differs from other parsers where values are concerned (a value may begin with a dash, a
/// switch never takes the next word, <c>-tq</c> is <c>-t q</c>).
/// </remarks>
internal sealed class FlagTable
{
    private readonly List<Flag> _flags = [];
    private readonly Dictionary<string, Flag> _byName = new(StringComparer.Ordinal);
    private readonly Dictionary<char, Flag> _byLetter = [];

    public IReadOnlyList<Flag> Flags => _flags;

    public FlagTable Add(Flag flag)
    {
        _flags.Add(flag);
        _byName.Add(flag.Name, flag);
        if (flag.Short is { } letter)
        {
            _byLetter.Add(letter, flag);
        }

        return this;
    }

    /// <summary>A switch: <c>--x</c>, <c>--x=false</c>.</summary>
    public FlagTable Switch(string name, char? letter, string help, Action<bool> assign, bool hidden = false, string? warning = null) =>
        Add(new Flag(name, letter, null, help, value => assign(ParseBool(value))) { Implied = "true", Hidden = hidden, Warning = warning });

    /// <summary>A text; the last one given counts.</summary>
    public FlagTable Text(
        string name, char? letter, string help, Action<string> assign, string valueName = "string", bool hidden = false, string? warning = null) =>
        Add(new Flag(name, letter, valueName, help, assign) { Hidden = hidden, Warning = warning });

    /// <summary>A whole number.</summary>
    public FlagTable Whole(string name, string help, Action<long> assign) => Add(new Flag(name, null, "int", help, value => assign(
        long.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw new FlagException($"strconv.ParseInt: parsing {GoText.Quote(value)}: invalid syntax"))));

    /// <summary>May be given several times; each value is kept as it is written.</summary>
    public FlagTable Many(string name, char? letter, string help, List<string> into) =>
        Add(new Flag(name, letter, "stringArray", help, into.Add));

    /// <summary>May be given several times; commas separate values too.</summary>
    public FlagTable Csv(string name, char? letter, string help, List<string> into) =>
        Add(new Flag(name, letter, "strings", help, value => into.AddRange(value.Split(',', StringSplitOptions.RemoveEmptyEntries))));

    /// <summary>Assigns every flag in <paramref name="words"/> and returns the other words, in order.</summary>
    /// <param name="warn">Receives what a flag without effect has to say.</param>
    public IReadOnlyList<string> Parse(ReadOnlySpan<string> words, Action<string>? warn = null)
    {
        var rest = new List<string>();
        for (var i = 0; i < words.Length; i++)
        {
            var word = words[i];
            if (word == "--")
            {
                rest.AddRange(words[(i + 1)..]);
                break;
            }

            if (word.StartsWith("--", StringComparison.Ordinal))
            {
                ParseLong(word, words, ref i, warn);
            }
            else if (word.Length > 1 && word[0] == '-')
            {
                ParseLetters(word, words, ref i, warn);
            }
            else
            {
                rest.Add(word);
            }
        }

        return rest;
    }

    /// <summary>Whether the value of a flag is the word behind it; for commands whose flags end at the first other word.</summary>
    public bool TakesNextWord(string word) =>
        word.StartsWith("--", StringComparison.Ordinal)
            ? !word.Contains('=', StringComparison.Ordinal) && _byName.TryGetValue(word[2..], out var flag) && flag.Implied is null
            : word.Length == 2 && _byLetter.TryGetValue(word[1], out var letter) && letter.Implied is null;

    /// <summary>The same for a command that takes at most <paramref name="max"/> other words.</summary>
    /// <param name="command">All words of its name, for the error text.</param>
    public IReadOnlyList<string> ParseAll(string command, ReadOnlySpan<string> words, Action<string>? warn = null, int max = 0)
    {
        var rest = Parse(words, warn);
        return rest.Count <= max
            ? rest
            : throw new CliException($"unexpected argument {GoText.Quote(rest[max])} for {GoText.Quote(command)}") { Remedy = $"Run '{command} --help' for usage." };
    }

    private void ParseLong(string word, ReadOnlySpan<string> words, ref int index, Action<string>? warn)
    {
        var equals = word.IndexOf('=', StringComparison.Ordinal);
        var name = equals < 0 ? word[2..] : word[2..equals];
        if (name.Length == 0 || name[0] == '-')
        {
            throw new CliException($"bad flag syntax: {word}");
        }

        if (!_byName.TryGetValue(name, out var flag))
        {
            throw name == "help" ? new HelpRequestedException() : new CliException($"unknown flag: --{name}");
        }

        string value;
        if (equals >= 0)
        {
            value = word[(equals + 1)..];
        }
        else if (flag.Implied is { } implied)
        {
            value = implied;
        }
        else if (index + 1 < words.Length)
        {
            value = words[++index];
        }
        else
        {
            throw new CliException($"flag needs an argument: --{name}");
        }

        Assign(flag, value, warn);
    }

    private void ParseLetters(string word, ReadOnlySpan<string> words, ref int index, Action<string>? warn)
    {
        var letters = word.AsSpan(1);
        while (letters.Length > 0)
        {
            if (!_byLetter.TryGetValue(letters[0], out var flag))
            {
                throw letters[0] == 'h' ? new HelpRequestedException() : new CliException($"unknown shorthand flag: '{letters[0]}' in -{letters}");
            }

            if (letters.Length > 2 && letters[1] == '=')
            {
                Assign(flag, letters[2..].ToString(), warn);
                return;
            }

            if (flag.Implied is { } implied)
            {
                Assign(flag, implied, warn);
                letters = letters[1..];
                continue;
            }

            if (letters.Length > 1)
            {
                Assign(flag, letters[1..].ToString(), warn);
            }
            else if (index + 1 < words.Length)
            {
                Assign(flag, words[++index], warn);
            }
            else
            {
                throw new CliException($"flag needs an argument: '{letters[0]}' in -{letters}");
            }

            return;
        }
    }

    private static void Assign(Flag flag, string value, Action<string>? warn)
    {
        try
        {
            flag.Assign(value);
        }
        catch (FlagException problem)
        {
            throw new CliException($"invalid argument {GoText.Quote(value)} for \"{flag.Display}\" flag: {problem.Message}");
        }

        if (flag.Warning is { } warning)
        {
            warn?.Invoke(warning);
        }
    }

    /// <summary>Go's strconv.ParseBool, words and error text included.</summary>
    internal static bool ParseBool(string value) =>
        TryParseBool(value) ?? throw new FlagException($"strconv.ParseBool: parsing {GoText.Quote(value)}: invalid syntax");

    internal static bool? TryParseBool(string value) => value switch
    {
        "1" or "t" or "T" or "true" or "TRUE" or "True" => true,
        "0" or "f" or "F" or "false" or "FALSE" or "False" => false,
        _ => null,
    };

    /// <summary>The flags as the help shows them, in alphabetical order.</summary>
    public string Describe()
    {
        var shown = _flags.Where(flag => !flag.Hidden).OrderBy(flag => flag.Name, StringComparer.Ordinal)
            .Select(flag => (Left: Left(flag), flag.Help)).ToList();
        var width = shown.Max(line => line.Left.Length) + 3;
        return string.Concat(shown.Select(line => string.Create(CultureInfo.InvariantCulture, $"{line.Left.PadRight(width)}{line.Help}\n")));
    }

    private static string Left(Flag flag)
    {
        var name = flag.Short is { } letter ? $"  -{letter}, --{flag.Name}" : $"      --{flag.Name}";
        return flag.ValueName is null ? name : $"{name} {flag.ValueName}";
    }
}

/// <summary><c>--help</c> was among the words.</summary>
internal sealed class HelpRequestedException : Exception;
