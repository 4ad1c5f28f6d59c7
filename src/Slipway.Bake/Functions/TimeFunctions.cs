using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Slipway.Bake.Values;

namespace Slipway.Bake.Functions;

/// <summary>Times, written by RFC 3339.</summary>
internal static partial class TimeFunctions
{
    public static void AddTo(FunctionTable table, TimeProvider clock)
    {
        table.Define("timestamp", _ => HclValue.Of(Written(clock.GetUtcNow())));
        table.Define("timeadd", args => HclValue.Of(Written(Parse(args[0].Text, 0) + Duration(args[1].Text))), FunctionTable.Text("timestamp"), FunctionTable.Text("duration"));
        table.Define("formatdate", args => HclValue.Of(Format(args[0].Text, Parse(args[1].Text, 1))), FunctionTable.Text("format"), FunctionTable.Text("time"));
    }

    private static string Written(DateTimeOffset time) =>
        time.ToString("yyyy-MM-dd'T'HH:mm:ss", CultureInfo.InvariantCulture) + Zone(time, "Z", ":");

    private static string Zone(DateTimeOffset time, string utc, string separator) => time.Offset == TimeSpan.Zero ? utc
        : string.Create(CultureInfo.InvariantCulture, $"{(time.Offset < TimeSpan.Zero ? '-' : '+')}{Math.Abs(time.Offset.Hours):00}{separator}{Math.Abs(time.Offset.Minutes):00}");

    private static DateTimeOffset Parse(string text, int argument) =>
        Timestamp().IsMatch(text) && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.None, out var time)
            ? time
            : throw new FunctionException($"not a valid RFC3339 timestamp: \"{text}\"", argument);

    [GeneratedRegex(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$", RegexOptions.CultureInvariant)]
    private static partial Regex Timestamp();

    /// <summary>Go's notation: numbers with units, such as <c>1h30m</c>.</summary>
    private static TimeSpan Duration(string text)
    {
        var match = Durations().Match(text);
        if (!match.Success && text is not ("0" or "+0" or "-0"))
        {
            throw new FunctionException($"time: invalid duration \"{text}\"");
        }

        var seconds = match.Groups["number"].Captures.Zip(match.Groups["unit"].Captures, (number, unit) =>
            decimal.Parse(number.Value, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture) * Seconds(unit.Value)).Sum();
        var span = TimeSpan.FromTicks((long)(seconds * TimeSpan.TicksPerSecond));
        return text.StartsWith('-') ? -span : span;
    }

    [GeneratedRegex(@"^[+-]?(?:(?<number>\d+\.?\d*|\.\d+)(?<unit>ns|us|µs|μs|ms|s|m|h))+$", RegexOptions.CultureInvariant)]
    private static partial Regex Durations();

    private static decimal Seconds(string unit) => unit switch
    {
        "h" => 3600,
        "m" => 60,
        "s" => 1,
        "ms" => 0.001m,
        "ns" => 0.000_000_001m,
        _ => 0.000_001m,
    };

    private static string Format(string format, DateTimeOffset time)
    {
        var text = new StringBuilder();
        for (var at = 0; at < format.Length;)
        {
            var start = at;
            if (format[at] == '\'')
            {
                Literal(format, ref at, text);
            }
            else if (char.IsAsciiLetter(format[at]))
            {
                at += format.AsSpan(start).IndexOfAnyExcept(format[start]) is var run and >= 0 ? run : format.Length - start;
                text.Append(Verb(format[start..at], time));
            }
            else
            {
                text.Append(format[at++]);
            }
        }

        return text.ToString();
    }

    /// <summary>Text between quotes; two quotes are one.</summary>
    private static void Literal(string format, ref int at, StringBuilder text)
    {
        var start = at++;
        while (at < format.Length)
        {
            if (format[at] != '\'')
            {
                text.Append(format[at++]);
            }
            else if (at + 1 < format.Length && format[at + 1] == '\'' && at > start + 1)
            {
                text.Append('\'');
                at += 2;
            }
            else
            {
                at++;
                text.Append(at == start + 2 ? "'" : "");
                return;
            }
        }

        throw new FunctionException("unterminated literal '", 0);
    }

    private static string Verb(string verb, DateTimeOffset time)
    {
        string At(string format) => time.ToString(format, CultureInfo.InvariantCulture);
        return verb switch
        {
            "YY" => At("yy"),
            "YYYY" => At("yyyy"),
            "M" or "MM" or "MMM" or "MMMM" => At(verb.Length == 1 ? "%M" : verb),
            "D" => At("%d"),
            "DD" => At("dd"),
            "EEE" => At("ddd"),
            "EEEE" => At("dddd"),
            "h" => At("%H"),
            "hh" => At("HH"),
            "H" => At("%h"),
            "HH" => At("hh"),
            "AA" => time.Hour < 12 ? "AM" : "PM",
            "aa" => time.Hour < 12 ? "am" : "pm",
            "m" => At("%m"),
            "mm" => At("mm"),
            "s" => At("%s"),
            "ss" => At("ss"),
            "Z" => Zone(time, "Z", ":"),
            "ZZZ" => Zone(time, "UTC", ""),
            "ZZZZ" => Zone(time, "+0000", ""),
            "ZZZZZ" => Zone(time, "+00:00", ":"),
            _ => throw new FunctionException($"invalid date format verb \"{verb}\"", 0),
        };
    }
}
