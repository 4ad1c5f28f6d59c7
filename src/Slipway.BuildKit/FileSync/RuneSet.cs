using System.Globalization;
using System.Text;

namespace Slipway.BuildKit.FileSync;

/// <summary>A set of Unicode code points, as a character class of a pattern names it.</summary>
internal sealed class RuneSet
{
    public static readonly RuneSet AnyButNewline = new RuneSet { Negated = true }.Add('\n', '\n');
    public static readonly RuneSet Word = new RuneSet().Add('0', '9').Add('A', 'Z').Add('a', 'z').Add('_', '_');

    private readonly List<(int Low, int High)> _ranges = [];
    private List<RuneSet>? _sets;
    private char _category;

    /// <summary>The set is everything but what was added. Like Go's, it then holds <c>/</c> too.</summary>
    public bool Negated { get; set; }

    public static RuneSet Of(int rune) => new RuneSet().Add(rune, rune);

    /// <summary>The backslash classes of Perl, in ASCII as RE2 has them; null for any other letter.</summary>
    public static RuneSet? Perl(int letter) => letter switch
    {
        'd' => new RuneSet().Add('0', '9'),
        'D' => new RuneSet { Negated = true }.Add('0', '9'),
        's' => Space(),
        'S' => new RuneSet { Negated = true }.Add(Space()),
        'w' => Word,
        'W' => new RuneSet { Negated = true }.Add(Word),
        _ => null,
    };

    /// <summary>One of Unicode's seven major categories by its letter; null when there is none.</summary>
    public static RuneSet? Category(int letter, bool negated) =>
        letter is 'L' or 'M' or 'N' or 'P' or 'S' or 'Z' or 'C' ? new RuneSet { _category = (char)letter, Negated = negated } : null;

    /// <summary><c>[:name:]</c> or <c>[:^name:]</c>; null when the name is unknown.</summary>
    public static RuneSet? Posix(string name)
    {
        var negated = name.StartsWith('^');
        var set = (negated ? name[1..] : name) switch
        {
            "alnum" => new RuneSet().Add('0', '9').Add('A', 'Z').Add('a', 'z'),
            "alpha" => new RuneSet().Add('A', 'Z').Add('a', 'z'),
            "ascii" => new RuneSet().Add(0, 0x7F),
            "blank" => new RuneSet().Add('\t', '\t').Add(' ', ' '),
            "cntrl" => new RuneSet().Add(0, 0x1F).Add(0x7F, 0x7F),
            "digit" => new RuneSet().Add('0', '9'),
            "graph" => new RuneSet().Add('!', '~'),
            "lower" => new RuneSet().Add('a', 'z'),
            "print" => new RuneSet().Add(' ', '~'),
            "punct" => new RuneSet().Add('!', '/').Add(':', '@').Add('[', '`').Add('{', '~'),
            "space" => new RuneSet().Add('\t', '\r').Add(' ', ' '),
            "upper" => new RuneSet().Add('A', 'Z'),
            "word" => new RuneSet().Add(Word),
            "xdigit" => new RuneSet().Add('0', '9').Add('A', 'F').Add('a', 'f'),
            _ => null,
        };
        return !negated || set is null ? set : new RuneSet { Negated = true }.Add(set);
    }

    public RuneSet Add(int low, int high)
    {
        _ranges.Add((low, high));
        return this;
    }

    public RuneSet Add(RuneSet set)
    {
        (_sets ??= []).Add(set);
        return this;
    }

    /// <summary>False for -1, which stands for the text's edge.</summary>
    public bool Contains(int rune) => rune >= 0 && Holds(rune) != Negated;

    private bool Holds(int rune)
    {
        foreach (var (low, high) in _ranges)
        {
            if (rune >= low && rune <= high)
            {
                return true;
            }
        }

        if (_category != 0 && CategoryOf(rune) == _category)
        {
            return true;
        }

        foreach (var set in _sets ?? [])
        {
            if (set.Contains(rune))
            {
                return true;
            }
        }

        return false;
    }

    private static RuneSet Space() => new RuneSet().Add('\t', '\n').Add('\f', '\r').Add(' ', ' ');

    private static char CategoryOf(int rune) => !Rune.IsValid(rune) ? 'C' : Rune.GetUnicodeCategory(new Rune(rune)) switch
    {
        <= UnicodeCategory.OtherLetter => 'L',
        <= UnicodeCategory.EnclosingMark => 'M',
        <= UnicodeCategory.OtherNumber => 'N',
        <= UnicodeCategory.ParagraphSeparator => 'Z',
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse => 'C',
        >= UnicodeCategory.ConnectorPunctuation and <= UnicodeCategory.OtherPunctuation => 'P',
        UnicodeCategory.OtherNotAssigned => '-',
        _ => 'S',
    };
}
