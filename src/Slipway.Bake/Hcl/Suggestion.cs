namespace Slipway.Bake.Hcl;

/// <summary>Finds the name that was probably meant.</summary>
internal static class Suggestion
{
    /// <summary>So many letters may differ.</summary>
    private const int DistanceMax = 2;

    /// <summary>A sentence that begins with a space, or nothing.</summary>
    public static string For(string given, IEnumerable<string> known)
    {
        var near = known.Distinct().Order(StringComparer.Ordinal).FirstOrDefault(name => Distance(given, name) <= DistanceMax);
        return near is null ? "" : $" Did you mean \"{near}\"?";
    }

    private static int Distance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var substitution = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(substitution, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return row[b.Length];
    }
}
