namespace Slipway.BuildKit.Http2;

/// <summary>The 61 entries both sides know from the start (RFC 7541 appendix A); the first has index 1.</summary>
internal static class HpackStaticTable
{
    public const int Count = 61;

    private static readonly HeaderField[] Entries =
    [
        new(":authority", ""),
        new(":method", "GET"),
        new(":method", "POST"),
        new(":path", "/"),
        new(":path", "/index.html"),
        new(":scheme", "http"),
        new(":scheme", "https"),
        new(":status", "200"),
        new(":status", "204"),
        new(":status", "206"),
        new(":status", "304"),
        new(":status", "400"),
        new(":status", "404"),
        new(":status", "500"),
        new("accept-charset", ""),
        new("accept-encoding", "gzip, deflate"),
        new("accept-language", ""),
        new("accept-ranges", ""),
        new("accept", ""),
        new("access-control-allow-origin", ""),
        new("age", ""),
        new("allow", ""),
        new("authorization", ""),
        new("cache-control", ""),
        new("content-disposition", ""),
        new("content-encoding", ""),
        new("content-language", ""),
        new("content-length", ""),
        new("content-location", ""),
        new("content-range", ""),
        new("content-type", ""),
        new("cookie", ""),
        new("date", ""),
        new("etag", ""),
        new("expect", ""),
        new("expires", ""),
        new("from", ""),
        new("host", ""),
        new("if-match", ""),
        new("if-modified-since", ""),
        new("if-none-match", ""),
        new("if-range", ""),
        new("if-unmodified-since", ""),
        new("last-modified", ""),
        new("link", ""),
        new("location", ""),
        new("max-forwards", ""),
        new("proxy-authenticate", ""),
        new("proxy-authorization", ""),
        new("range", ""),
        new("referer", ""),
        new("refresh", ""),
        new("retry-after", ""),
        new("server", ""),
        new("set-cookie", ""),
        new("strict-transport-security", ""),
        new("transfer-encoding", ""),
        new("user-agent", ""),
        new("vary", ""),
        new("via", ""),
        new("www-authenticate", ""),
    ];

    private static readonly Dictionary<HeaderField, int> ByField = Index();
    private static readonly Dictionary<string, int> ByName = IndexNames();

    /// <param name="index">1 to <see cref="Count"/>.</param>
    public static HeaderField At(int index) => Entries[index - 1];

    /// <summary>The index of exactly this field, or 0.</summary>
    public static int Find(HeaderField field) => ByField.GetValueOrDefault(field);

    /// <summary>The first index with this name, or 0.</summary>
    public static int FindName(string name) => ByName.GetValueOrDefault(name);

    private static Dictionary<HeaderField, int> Index()
    {
        var index = new Dictionary<HeaderField, int>(Count);
        for (var i = 0; i < Entries.Length; i++)
        {
            index.Add(Entries[i], i + 1);
        }

        return index;
    }

    private static Dictionary<string, int> IndexNames()
    {
        var index = new Dictionary<string, int>(Count, StringComparer.Ordinal);
        for (var i = 0; i < Entries.Length; i++)
        {
            index.TryAdd(Entries[i].Name, i + 1);
        }

        return index;
    }
}
