namespace Depot.Cli.Registries;

/// <summary>The <c>name="value"</c> fields of a <c>WWW-Authenticate</c> challenge (RFC 9110 §11.2).</summary>
internal static class ChallengeFields
{
    public static IReadOnlyDictionary<string, string> Parse(string text)
    {
        var fields = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        var rest = text.AsSpan();
        while (rest.IndexOf('=') is var equals and > 0)
        {
            var name = rest[..equals].Trim(", \t").ToString();
            rest = rest[(equals + 1)..].TrimStart();
            fields[name] = rest.StartsWith("\"") ? TakeQuoted(ref rest) : TakeToken(ref rest);
        }

        return fields;
    }

    private static string TakeToken(scoped ref ReadOnlySpan<char> rest)
    {
        var end = rest.IndexOfAny(',', ' ');
        var value = end < 0 ? rest : rest[..end];
        rest = rest[value.Length..];
        return value.ToString();
    }

    private static string TakeQuoted(scoped ref ReadOnlySpan<char> rest)
    {
        var value = new System.Text.StringBuilder();
        var i = 1;
        for (; i < rest.Length && rest[i] != '"'; i++)
        {
            if (rest[i] == '\\' && i + 1 < rest.Length)
            {
                i++;
            }

            value.Append(rest[i]);
        }

        rest = rest[Math.Min(i + 1, rest.Length)..];
        return value.ToString();
    }
}
