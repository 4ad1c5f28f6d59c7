namespace Slipway.Bake.Definition;

/// <summary>What a target or a group may be called.</summary>
internal static class TargetName
{
    public const string Pattern = "[a-zA-Z0-9_-]+";

    public static bool IsValid(string name) => name.Length > 0 && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-');

    /// <summary>A Compose service may have a dot in its name; a target may not.</summary>
    public static string From(string name) => name.Replace('.', '_');

    /// <summary>Go's path.Match: <c>*</c> and <c>?</c> match no slash.</summary>
    public static bool Matches(string pattern, string name) => Matches(pattern.AsSpan(), name);

    public static bool IsPattern(string name) => name.AsSpan().IndexOfAny("*?[]") >= 0;

    private static bool Matches(ReadOnlySpan<char> pattern, ReadOnlySpan<char> name)
    {
        while (pattern.Length > 0)
        {
            switch (pattern[0])
            {
                case '*':
                    for (var i = 0; i <= name.Length; i++)
                    {
                        if (Matches(pattern[1..], name[i..]))
                        {
                            return true;
                        }
                    }

                    return false;
                case '[' when pattern[1..].IndexOf(']') is var end and > 0:
                    if (name.Length == 0 || !InClass(pattern.Slice(1, end), name[0]))
                    {
                        return false;
                    }

                    pattern = pattern[(end + 2)..];
                    break;
                default:
                    if (name.Length == 0 || (pattern[0] != '?' && pattern[0] != name[0]))
                    {
                        return false;
                    }

                    pattern = pattern[1..];
                    break;
            }

            name = name[1..];
        }

        return name.Length == 0;
    }

    private static bool InClass(ReadOnlySpan<char> set, char c)
    {
        var negated = set[0] == '^';
        set = negated ? set[1..] : set;
        var found = false;
        for (var i = 0; i < set.Length; i++)
        {
            if (i + 2 < set.Length && set[i + 1] == '-')
            {
                found |= set[i] <= c && c <= set[i + 2];
                i += 2;
            }
            else
            {
                found |= set[i] == c;
            }
        }

        return found != negated;
    }
}
