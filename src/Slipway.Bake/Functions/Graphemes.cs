using System.Globalization;

namespace Slipway.Bake.Functions;

/// <summary>What a reader sees as one character may be several of Unicode's; the language counts what a reader sees.</summary>
internal static class Graphemes
{
    public static IReadOnlyList<string> Of(string text)
    {
        var all = new List<string>();
        var elements = StringInfo.GetTextElementEnumerator(text);
        while (elements.MoveNext())
        {
            all.Add(elements.GetTextElement());
        }

        return all;
    }

    public static int Count(string text) => new StringInfo(text).LengthInTextElements;
}
