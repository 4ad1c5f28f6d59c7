using System.Text.RegularExpressions;

namespace Slipway.Server.Trust;

/// <summary>What one claim of a token must be.</summary>
/// <param name="Claim">The claim's name, as the issuer spells it.</param>
/// <param name="Operator"><c>equals</c>, <c>in</c> or <c>matches</c>.</param>
/// <param name="Values">One text; for <c>in</c> one or more; for <c>matches</c> one pattern in which <c>*</c> is any run of characters.</param>
internal sealed record ClaimCondition(string Claim, string Operator, IReadOnlyList<string> Values)
{
    public const string Is = "equals";
    public const string In = "in";
    public const string Matches = "matches";

    public static ClaimCondition Equal(string claim, string value) => new(claim, Is, [value]);

    /// <summary>A claim that is not there meets nothing, not even <c>*</c>.</summary>
    public bool IsMet(string? value) => value is not null && Operator switch
    {
        Is => value == Values[0],
        In => Values.Contains(value, StringComparer.Ordinal),
        Matches => Glob(Values[0]).IsMatch(value),
        _ => false,
    };

    /// <summary>For people: <c>pipeline_slug "app"</c>.</summary>
    public string Describe() => Operator switch
    {
        In => $"{Claim} one of {string.Join(", ", Values.Select(value => $"\"{value}\""))}",
        Matches => $"{Claim} like \"{Values[0]}\"",
        _ => $"{Claim} \"{Values[0]}\"",
    };

    // NonBacktracking: the pattern is an owner's, the text a stranger's.
    private static Regex Glob(string pattern) => new(
        $"^{Regex.Escape(pattern).Replace("\\*", ".*", StringComparison.Ordinal)}\\z",
        RegexOptions.NonBacktracking | RegexOptions.CultureInvariant | RegexOptions.Singleline);
}
