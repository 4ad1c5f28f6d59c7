using System.Text.RegularExpressions;

namespace Slipway.Server.Pages;

/// <summary>What a message means and what to do about it: the table of docs/messages.md, which is part of the program.</summary>
internal static partial class Remedies
{
    // Shorter ones ("403", "missing") are in too many messages that are about something else.
    private const int FragmentLengthMin = 10;
    private static readonly List<Remedy> All = [.. Read().Split('\n').SelectMany(Rows)];

    /// <summary>Of those that fit the one whose words are most of the text; null when none does.</summary>
    public static Remedy? Find(string text) => All.Where(remedy => remedy.Fits(text)).MaxBy(remedy => remedy.Message.Length);

    private static IEnumerable<Remedy> Rows(string line)
    {
        if (line.Trim('|', ' ').Split(" | ") is not [var message, var meaning, var remedy] || !message.StartsWith('`'))
        {
            yield break;
        }

        foreach (var fragment in Code().Matches(message).Select(match => match.Groups[1].Value).Where(text => text.Length >= FragmentLengthMin))
        {
            yield return new Remedy(fragment, Markup(meaning), Markup(remedy));
        }
    }

    // `code` and [words](link) are all that the table has.
    private static Html Markup(string cell) => Html.Join(Code().Split(Link().Replace(cell, "$1")).Select((part, i) =>
        i % 2 == 1 ? Html.Of($"<code>{part}</code>") : Html.Of($"{part}")));

    private static string Read()
    {
        using var stream = typeof(Remedies).Assembly.GetManifestResourceStream("messages.md")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    [GeneratedRegex("`+ ?([^`]+?) ?`+")]
    private static partial Regex Code();

    [GeneratedRegex(@"\[([^\]]+)\]\([^)]+\)")]
    private static partial Regex Link();
}

/// <summary>A row of that table.</summary>
/// <param name="Message">A part of what is printed; … and words in capitals stand for anything.</param>
internal sealed partial record Remedy(string Message, Html Meaning, Html Todo)
{
    private readonly Regex _pattern = new(
        string.Join(".{0,200}?", Gap().Split(Message).Select(part => part.Trim()).Where(part => part.Length > 0).Select(Regex.Escape)),
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant,
        TimeSpan.FromMilliseconds(100));

    public bool Fits(string text)
    {
        try
        {
            return _pattern.IsMatch(text);
        }
        catch (RegexMatchTimeoutException)
        {
            // The text is whatever a build printed.
            return false;
        }
    }

    [GeneratedRegex(@"…|\b(?:HOST|NAME|TAG)\b[/:]?")]
    private static partial Regex Gap();
}
