using Depot.Cli.Flags;

namespace Depot.Cli.Build;

/// <summary><c>--annotation [type[platform],…:]key=value</c> as the exporters' attributes.</summary>
internal static class AnnotationSpec
{
    private static readonly string[] Types = ["manifest", "index", "manifest-descriptor", "index-descriptor"];

    public static IEnumerable<KeyValuePair<string, string>> ParseAll(IEnumerable<string> texts) => texts.Where(text => text.Length > 0).SelectMany(Parse);

    private static IEnumerable<KeyValuePair<string, string>> Parse(string text)
    {
        var equals = text.IndexOf('=', StringComparison.Ordinal);
        if (equals < 0)
        {
            throw Invalid($"invalid annotation {GoText.Quote(text)}, expected key=value");
        }

        var (name, value) = (text[..equals], text[(equals + 1)..]);
        var colon = name.IndexOf(':', StringComparison.Ordinal);
        return colon < 0
            ? [new($"annotation.{name}", value)]
            : name[..colon].Split(',').Select(type => new KeyValuePair<string, string>($"{Prefix(type)}.{name[(colon + 1)..]}", value));
    }

    /// <summary><c>annotation-TYPE[PLATFORM]</c>.</summary>
    private static string Prefix(string text)
    {
        var open = text.IndexOf('[', StringComparison.Ordinal);
        var type = open < 0 ? text : text[..open];
        var platform = open < 0 ? "" : text[(open + 1)..].TrimEnd(']');
        var formed = type.Length > 0 && type.All(c => char.IsAsciiLetterLower(c) || c == '-')
            && (open < 0 || (text.EndsWith(']') && platform.Length > 0 && platform.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '/' or '-')));
        if (!formed)
        {
            throw Invalid($"invalid annotation type {GoText.Quote(text)}, expected type and optional platform in square brackets");
        }

        if (!Types.Contains(type))
        {
            throw Invalid($"unknown annotation type {GoText.Quote(type)}");
        }

        // An index belongs to no platform; buildx drops what is written there.
        return open < 0 || type.StartsWith("index", StringComparison.Ordinal) ? $"annotation-{type}" : $"annotation-{type}[{PlatformName.Parse(platform)}]";
    }

    private static CliException Invalid(string problem) => new($"parse annotations: {problem}");
}
