using System.Text;
using System.Text.RegularExpressions;
using Slipway.Bake.Values;

namespace Slipway.Bake.Functions;

/// <summary>Regular expressions. The language means Go's; what differs in notation is translated.</summary>
internal static partial class PatternFunctions
{
    private static readonly TimeSpan MatchWithin = TimeSpan.FromSeconds(5);

    public static void AddTo(FunctionTable table)
    {
        var pattern = FunctionTable.Text("pattern");
        var text = FunctionTable.Text("string");
        table.Define("regex", args => Guarded(args[0], regex => regex.Match(args[1].Text) is { Success: true } match
            ? Captured(regex, match)
            : throw new FunctionException("pattern did not match any part of the given string")), pattern, text);
        table.Define("regexall", args => Guarded(args[0], regex => All(regex, args[1].Text)), pattern, text);
        table.Define("regex_replace", args => Guarded(args[1], regex => HclValue.Of(regex.Replace(args[0].Text, match => Expand(args[2].Text, match)))),
            FunctionTable.Text("str"), pattern, FunctionTable.Text("replace"));
    }

    private static HclValue Guarded(HclValue pattern, Func<Regex, HclValue> use)
    {
        try
        {
            return use(new Regex(Translated(pattern.Text), RegexOptions.CultureInvariant, MatchWithin));
        }
        catch (ArgumentException problem)
        {
            throw new FunctionException($"invalid regexp pattern: {problem.Message}");
        }
        catch (RegexMatchTimeoutException)
        {
            throw new FunctionException($"the pattern took more than {MatchWithin.TotalSeconds} seconds");
        }
    }

    private static HclValue All(Regex regex, string text)
    {
        var matches = regex.Matches(text).Select(match => Captured(regex, match)).ToList();
        return HclValue.List(matches.Count > 0 ? matches[0].Type : Captured(regex, Match.Empty).Type, matches);
    }

    /// <summary>The match itself, or what its groups caught: a tuple, or an object where they have names.</summary>
    private static HclValue Captured(Regex regex, Match match)
    {
        var names = regex.GetGroupNames().Skip(1).ToList();
        if (names.Count == 0)
        {
            return HclValue.Of(match.Value);
        }

        var named = names.TrueForAll(name => !char.IsAsciiDigit(name[0]));
        if (!named && names.Exists(name => !char.IsAsciiDigit(name[0])))
        {
            throw new FunctionException("invalid regexp pattern: cannot mix both named and unnamed capture groups", 0);
        }

        HclValue Group(string name) => match.Groups[name] is { Success: true } group ? HclValue.Of(group.Value) : HclValue.Null(HclType.String);
        return named ? HclValue.Object(names.Select(name => KeyValuePair.Create(name, Group(name)))) : HclValue.Tuple(names.Select(Group));
    }

    /// <summary><c>$1</c>, <c>$name</c>, <c>${name}</c> and <c>$$</c>; a name runs on as long as it can.</summary>
    private static string Expand(string replacement, Match match) => Reference().Replace(replacement, reference =>
        reference.Value == "$$" ? "$" : match.Groups[reference.Groups[1].Value + reference.Groups[2].Value].Value);

    [GeneratedRegex(@"\$\$|\$(?:\{(\w+)\}|(\w+))", RegexOptions.CultureInvariant)]
    private static partial Regex Reference();

    private static string Translated(string pattern)
    {
        var result = new StringBuilder(pattern);
        result.Replace("(?P<", "(?<");
        foreach (var (name, range) in new[]
        {
            ("alnum", "0-9A-Za-z"), ("alpha", "A-Za-z"), ("ascii", @"\x00-\x7F"), ("blank", @"\t "), ("cntrl", @"\x00-\x1F\x7F"), ("digit", "0-9"),
            ("lower", "a-z"), ("print", " -~"), ("punct", @"!-/:-@\[-`{-~"), ("space", @"\t\n\v\f\r "), ("upper", "A-Z"), ("word", "0-9A-Za-z_"), ("xdigit", "0-9A-Fa-f"),
        })
        {
            result.Replace($"[:{name}:]", range);
        }

        // Go's classes are of ASCII, and its $ is the end of the text alone.
        return Ascii().Replace(result.ToString(), match => match.Value switch
        {
            @"\d" => "[0-9]",
            @"\w" => "[0-9A-Za-z_]",
            @"\s" => @"[\t\n\f\r ]",
            @"$" => pattern.StartsWith("(?m", StringComparison.Ordinal) ? "$" : @"\z",
            var other => other,
        });
    }

    /// <summary>Whole escapes and whole bracket expressions are passed over, so that only what stands alone is found.</summary>
    [GeneratedRegex(@"\\.|\[\]?(?:\\.|[^\]\\])*\]|\$", RegexOptions.Singleline | RegexOptions.CultureInvariant)]
    private static partial Regex Ascii();
}
