using System.Text;
using Slipway.Bake.Definition;

namespace Slipway.Bake.Compose;

/// <summary><c>$NAME</c>, <c>${NAME:-default}</c> and their kind in the values of a Compose file.</summary>
internal sealed class Interpolation(Func<string, string?> variable)
{
    private const int DepthMax = 20;

    /// <summary>Every text below a value; keys are left as they are.</summary>
    /// <exception cref="BakeException">A text is not written so, or a variable that it requires is not set.</exception>
    public YamlValue Apply(YamlValue value, string path)
    {
        switch (value)
        {
            case YamlText { Text: var text } scalar when text.Contains('$', StringComparison.Ordinal):
                return new YamlText(Apply(text, path, 0), scalar.Plain && text.Length > 0) { Tag = value.Tag, Line = value.Line };
            case YamlMap map:
                BakeException.ForEach(map.Keys.ToList(), key => map[key] = Apply(map[key]!, path.Length == 0 ? key : $"{path}.{key}"));
                return map;
            case YamlList list:
                BakeException.ForEach(Enumerable.Range(0, list.Items.Count), i => list.Items[i] = Apply(list.Items[i], $"{path}.[]"));
                return list;
            default:
                return value;
        }
    }

    /// <summary>One text.</summary>
    public string Apply(string text) => Apply(text, "", 0);

    private string Apply(string text, string path, int depth)
    {
        if (depth > DepthMax)
        {
            throw Invalid(path);
        }

        var result = new StringBuilder(text.Length);
        for (var at = 0; at < text.Length;)
        {
            if (text[at] != '$')
            {
                result.Append(text[at++]);
            }
            else if (at + 1 < text.Length && text[at + 1] == '$')
            {
                result.Append('$');
                at += 2;
            }
            else if (at + 1 < text.Length && text[at + 1] == '{')
            {
                var end = Closing(text, at + 2);
                result.Append(end < 0 ? throw Invalid(path) : Braced(text[(at + 2)..end], path, depth));
                at = end + 1;
            }
            else
            {
                var name = Name(text, at + 1);
                result.Append(name.Length == 0 ? throw Invalid(path) : variable(name) ?? "");
                at += 1 + name.Length;
            }
        }

        return result.ToString();
    }

    private string Braced(string inner, string path, int depth)
    {
        var name = Name(inner, 0);
        var rest = inner[name.Length..];
        if (name.Length == 0)
        {
            throw Invalid(path);
        }

        var value = variable(name);
        if (rest.Length == 0)
        {
            return value ?? "";
        }

        var colon = rest[0] == ':';
        var operation = rest.Length > (colon ? 1 : 0) ? rest[colon ? 1 : 0] : '\0';
        var argument = rest[Math.Min(rest.Length, colon ? 2 : 1)..];
        var given = colon ? value is { Length: > 0 } : value is not null;
        return operation switch
        {
            '-' => given ? value! : Apply(argument, path, depth + 1),
            '+' => given ? Apply(argument, path, depth + 1) : "",
            '?' => given ? value! : throw new BakeException($"{(path.Length > 0 ? $"error while interpolating {path}: " : "")}required variable {name} is missing a value{(argument.Length > 0 ? ": " : "")}{Apply(argument, path, depth + 1)}"),
            _ => throw Invalid(path),
        };
    }

    /// <summary>The brace that closes the one before <paramref name="at"/>; those of nested ones are passed over.</summary>
    private static int Closing(string text, int at)
    {
        var open = 1;
        for (; at < text.Length; at++)
        {
            if (text[at] == '{' && at > 0 && text[at - 1] == '$')
            {
                open++;
            }
            else if (text[at] == '}' && --open == 0)
            {
                return at;
            }
        }

        return -1;
    }

    private static string Name(string text, int at)
    {
        var end = at;
        while (end < text.Length && (char.IsAsciiLetter(text[end]) || text[end] == '_' || (end > at && char.IsAsciiDigit(text[end]))))
        {
            end++;
        }

        return text[at..end];
    }

    private static BakeException Invalid(string path) => new($"invalid interpolation format for {path}.\nYou may need to escape any $ with another $");
}
