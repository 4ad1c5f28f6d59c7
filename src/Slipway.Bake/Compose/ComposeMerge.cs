namespace Slipway.Bake.Compose;

/// <summary>One Compose file over another, by the rules of the Compose specification.</summary>
internal static class ComposeMerge
{
    /// <summary>Lists of <c>name=value</c> that may be maps as well.</summary>
    private static readonly string[] s_pairs = ["args", "labels", "environment", "additional_contexts", "extra_hosts", "ssh"];

    public static YamlMap Over(YamlMap lower, YamlMap upper)
    {
        var merged = new YamlMap { Tag = lower.Tag, Line = lower.Line };
        foreach (var (key, value) in lower.Entries)
        {
            merged[key] = value;
        }

        foreach (var (key, value) in upper.Entries)
        {
            merged[key] = value.Tag == "!reset" ? null
                : value.Tag == "!override" || merged[key] is not { } earlier ? value
                : Over(key, earlier, value);
        }

        return merged;
    }

    private static YamlValue Over(string key, YamlValue lower, YamlValue upper)
    {
        if (upper is YamlText { IsNull: true })
        {
            return lower;
        }

        if (key == "build")
        {
            return Over(Build(lower), Build(upper));
        }

        if (s_pairs.Contains(key))
        {
            return Over(Pairs(lower), Pairs(upper));
        }

        return (lower, upper) switch
        {
            (YamlMap a, YamlMap b) => Over(a, b),
            (YamlList a, YamlList b) when key is not ("command" or "entrypoint") => new YamlList([.. a.Items, .. b.Items.Where(item => !a.Items.Exists(known => Same(known, item)))]),
            _ => upper,
        };
    }

    /// <summary>The short form names the context.</summary>
    public static YamlMap Build(YamlValue value)
    {
        if (value is YamlMap map)
        {
            return map;
        }

        return new YamlMap { Line = value.Line, ["context"] = value };
    }

    /// <summary>A list of <c>name=value</c> as a map; a name alone has no value.</summary>
    public static YamlMap Pairs(YamlValue value, string separators = "=")
    {
        if (value is YamlMap map)
        {
            return map;
        }

        var pairs = new YamlMap { Line = value.Line };
        foreach (var text in (value as YamlList)?.Items.OfType<YamlText>().Select(item => item.Text) ?? [])
        {
            var at = text.AsSpan().IndexOfAny(separators);
            pairs[at < 0 ? text : text[..at]] = at < 0 ? new YamlText("", plain: true) : new YamlText(text[(at + 1)..], plain: false);
        }

        return pairs;
    }

    private static bool Same(YamlValue a, YamlValue b) => a is YamlText one && b is YamlText two && one.Text == two.Text;
}
