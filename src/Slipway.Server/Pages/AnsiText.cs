using System.Text.RegularExpressions;

namespace Slipway.Server.Pages;

/// <summary>What a step printed, without what it told a terminal to do: cursor moves, window titles, links. Colours stay, as classes of the style sheet.</summary>
internal static partial class AnsiText
{
    /// <summary>The line as markup; its colours end with it.</summary>
    public static Html Coloured(string line)
    {
        if (!line.Contains('\e'))
        {
            return Html.Of($"{Control().Replace(line, "")}");
        }

        var parts = new List<Html>();
        var style = TextStyle.None;
        var from = 0;
        foreach (Match sequence in Sequence().Matches(line))
        {
            parts.Add(style.Render(Control().Replace(line[from..sequence.Index], "")));
            from = sequence.Index + sequence.Length;

            // ECMA-48 section 8.3.117, Select Graphic Rendition.
            if (sequence.Value is ['\e', '[', .. var numbers, 'm'])
            {
                style = style.After(numbers);
            }
        }

        parts.Add(style.Render(Control().Replace(line[from..], "")));
        return Html.Join(parts);
    }

    // ECMA-48: CSI, OSC up to its end (BEL or ST), other two-character escapes.
    [GeneratedRegex(@"\x1B(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1B]*(?:\x07|\x1B\\)?|[@-Z\\-_])", RegexOptions.NonBacktracking)]
    private static partial Regex Sequence();

    [GeneratedRegex(@"[\x00-\x08\x0B-\x1F\x7F]")]
    private static partial Regex Control();

    /// <summary>What is left of a terminal's looks: one of sixteen colours, and whether it is bold.</summary>
    private readonly record struct TextStyle(int Colour, bool IsBold)
    {
        public static readonly TextStyle None = new(-1, false);

        public TextStyle After(string numbers)
        {
            var style = this;
            var codes = numbers.Split(';');
            for (var i = 0; i < codes.Length; i++)
            {
                var code = codes[i].Length == 0 ? 0 : int.TryParse(codes[i], out var number) ? number : -1;
                if (code is 38 or 48)
                {
                    // 5;N names one of 256 colours, 2;R;G;B any: the first sixteen are the usual ones, the rest is left out.
                    var named = i + 2 < codes.Length && codes[i + 1] == "5" && int.TryParse(codes[i + 2], out var index) ? index : -1;
                    style = code == 38 && named is >= 0 and < 16 ? style with { Colour = named } : style;
                    i += i + 1 < codes.Length && codes[i + 1] == "2" ? 4 : 2;
                    continue;
                }

                style = code switch
                {
                    0 => None,
                    1 => style with { IsBold = true },
                    22 => style with { IsBold = false },
                    >= 30 and <= 37 => style with { Colour = code - 30 },
                    >= 90 and <= 97 => style with { Colour = code - 90 + 8 },
                    39 => style with { Colour = -1 },
                    _ => style,
                };
            }

            return style;
        }

        public Html Render(string text) => text.Length == 0 ? Html.Nothing
            : this == None ? Html.Of($"{text}")
            : Html.Of($"""<span class="{(Colour >= 0 ? $"c{Colour}" : "")}{(IsBold ? " b" : "")}">{text}</span>""");
    }
}
