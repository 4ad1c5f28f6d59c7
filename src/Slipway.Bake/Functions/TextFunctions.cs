using System.Text;
using Slipway.Bake.Values;

namespace Slipway.Bake.Functions;

/// <summary>Strings.</summary>
internal static class TextFunctions
{
    public static void AddTo(FunctionTable table)
    {
        var str = FunctionTable.Text("str");
        table.Define("upper", args => HclValue.Of(args[0].Text.ToUpperInvariant()), str);
        table.Define("lower", args => HclValue.Of(args[0].Text.ToLowerInvariant()), str);
        table.Define("title", args => HclValue.Of(Title(args[0].Text)), str);
        table.Define("reverse", args => HclValue.Of(string.Concat(Graphemes.Of(args[0].Text).Reverse())), str);
        table.Define("strlen", args => HclValue.Of(Graphemes.Count(args[0].Text)), str);
        table.Define("substr", Substring, str, FunctionTable.Number("offset"), FunctionTable.Number("length"));
        table.Define("chomp", args => HclValue.Of(args[0].Text.TrimEnd('\r', '\n')), str);
        table.Define("indent", Indent, FunctionTable.Number("spaces"), str);
        table.Define("trim", args => HclValue.Of(args[1].Text.Length == 0 ? args[0].Text : args[0].Text.Trim(args[1].Text.ToCharArray())), str, FunctionTable.Text("cutset"));
        table.Define("trimspace", args => HclValue.Of(args[0].Text.Trim()), str);
        table.Define("trimprefix", args => HclValue.Of(args[0].Text.StartsWith(args[1].Text, StringComparison.Ordinal) ? args[0].Text[args[1].Text.Length..] : args[0].Text), str, FunctionTable.Text("prefix"));
        table.Define("trimsuffix", args => HclValue.Of(args[0].Text.EndsWith(args[1].Text, StringComparison.Ordinal) ? args[0].Text[..^args[1].Text.Length] : args[0].Text), str, FunctionTable.Text("suffix"));
        table.Define("replace", Replace, str, FunctionTable.Text("substr"), FunctionTable.Text("replace"));
        table.Define("split", Split, FunctionTable.Text("separator"), str);
        table.DefineVariadic("join", Join, FunctionTable.List("lists", HclType.String), FunctionTable.Text("separator"));
        table.Define("sanitize", args => HclValue.Of(Sanitize(args[0].Text)), FunctionTable.Text("name"));

        // The language has no way to write bytes, so these two can only refuse.
        table.Define("byteslen", _ => throw new FunctionException("bytes required", 0), FunctionTable.Any("buf"));
        table.Define("bytesslice", _ => throw new FunctionException("bytes required", 0), FunctionTable.Any("buf"), FunctionTable.Number("offset"), FunctionTable.Number("length"));
    }

    /// <summary>Only letters, digits, underscores and hyphens are left: what a target's name may have.</summary>
    private static string Sanitize(string name) =>
        string.Concat(name.EnumerateRunes().Select(rune => rune.Value is '_' or '-' || (rune.IsAscii && char.IsAsciiLetterOrDigit((char)rune.Value)) ? (char)rune.Value : '_'));

    private static string Title(string text)
    {
        var result = new StringBuilder(text.Length);
        var inWord = false;
        foreach (var rune in text.EnumerateRunes())
        {
            result.Append(inWord ? rune : Rune.ToUpperInvariant(rune));
            inWord = Rune.IsLetterOrDigit(rune) || rune.Value is '_' or '\'';
        }

        return result.ToString();
    }

    private static HclValue Substring(IReadOnlyList<HclValue> args)
    {
        var characters = Graphemes.Of(args[0].Text);
        var offset = FunctionTable.Whole(args[1], 1);
        var length = FunctionTable.Whole(args[2], 2);
        if (offset < 0)
        {
            offset = Math.Max(0, offset + characters.Count);
            length = length == 0 ? -1 : length;
        }

        var rest = characters.Skip(offset);
        return HclValue.Of(string.Concat(length < 0 ? rest : rest.Take(length)));
    }

    private static HclValue Indent(IReadOnlyList<HclValue> args)
    {
        var spaces = FunctionTable.Whole(args[0], 0);
        return HclValue.Of(args[1].Text.Replace("\n", "\n" + new string(' ', Math.Clamp(spaces, 0, 10_000)), StringComparison.Ordinal));
    }

    private static HclValue Replace(IReadOnlyList<HclValue> args)
    {
        var (text, old, replacement) = (args[0].Text, args[1].Text, args[2].Text);
        return HclValue.Of(old.Length > 0
            ? text.Replace(old, replacement, StringComparison.Ordinal)
            : replacement + string.Concat(text.EnumerateRunes().Select(rune => rune + replacement)));
    }

    private static HclValue Split(IReadOnlyList<HclValue> args)
    {
        var (separator, text) = (args[0].Text, args[1].Text);
        return HclValue.Strings(separator.Length > 0 ? text.Split(separator) : text.EnumerateRunes().Select(rune => rune.ToString()));
    }

    private static HclValue Join(IReadOnlyList<HclValue> args)
    {
        if (args.Count < 2)
        {
            throw new FunctionException("at least one list is required");
        }

        var parts = new List<string>();
        for (var list = 1; list < args.Count; list++)
        {
            for (var i = 0; i < args[list].Items.Length; i++)
            {
                var item = args[list].Items[i];
                parts.Add(item.IsNull ? throw new FunctionException($"element {i} is null; cannot concatenate null values", list) : item.Text);
            }
        }

        return HclValue.Of(string.Join(args[0].Text, parts));
    }
}
