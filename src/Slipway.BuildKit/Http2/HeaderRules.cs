namespace Slipway.BuildKit.Http2;

/// <summary>What makes a header list malformed (RFC 9113 §8.2, §8.3).</summary>
internal static class HeaderRules
{
    /// <summary>Says what is wrong, or null.</summary>
    public static string? Check(List<HeaderField> fields)
    {
        var regular = false;
        foreach (var (name, value) in fields)
        {
            if (name.Length == 0 || name.AsSpan().ContainsAnyInRange('A', 'Z'))
            {
                return "The peer sent a header name that is empty or not in lower case.";
            }

            if (name[0] == ':' && regular)
            {
                return "The peer sent a pseudo-header after a header.";
            }

            if (name is "connection" or "transfer-encoding" or "upgrade" or "keep-alive" or "proxy-connection" ||
                value.AsSpan().ContainsAny('\0', '\r', '\n'))
            {
                return $"The peer sent the header {Printable(name)}, or a value in it, that HTTP/2 does not allow.";
            }

            regular |= name[0] != ':';
        }

        return null;
    }

    /// <summary>Says what a request lacks, or null.</summary>
    public static string? CheckRequest(List<HeaderField> fields) =>
        Count(fields, ":method") == 1 && Count(fields, ":path") == 1 && Count(fields, ":scheme") == 1
            ? null
            : "The peer sent a request without exactly one method, path and scheme.";

    /// <summary>A 1xx response, which another one follows.</summary>
    public static bool IsInformational(List<HeaderField> fields) =>
        fields.Exists(field => field.Name == ":status" && field.Value.StartsWith('1'));

    private static int Count(List<HeaderField> fields, string name) => fields.Count(field => field.Name == name);

    private static string Printable(string name) => name.All(char.IsAsciiLetterOrDigit) ? name : "'" + name.Replace('\n', ' ') + "'";
}
