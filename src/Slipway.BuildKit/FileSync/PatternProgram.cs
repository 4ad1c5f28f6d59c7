using System.Buffers;
using System.Text;

namespace Slipway.BuildKit.FileSync;

/// <summary>One compiled pattern: the part of Go's regular expressions that a file pattern can turn into, run as a non-deterministic automaton in linear time.</summary>
/// <remarks>
/// Upstream turns a pattern into a Go regular expression and lets most of the text through as it is, so that <c>\d</c>, <c>\b</c> or <c>[[:alpha:]]</c> in an
/// ignore file mean what RE2 says. .NET's regular expressions differ in such corners and work on UTF-16; this works on the bytes of a path.
/// </remarks>
internal sealed class PatternProgram
{
    private readonly List<Step> _steps = [];
    private Step[] _program = [];

    private enum Kind : byte
    {
        /// <summary>Takes one rune of a set.</summary>
        Take,

        /// <summary>Goes on at two places.</summary>
        Split,
        Jump,
        TextStart,
        TextEnd,
        WordBoundary,
        NoWordBoundary,
        Accept,
    }

    /// <summary>Compiles what stands between upstream's <c>^</c> and <c>$</c>.</summary>
    /// <exception cref="FormatException">The expression is one that Go refuses.</exception>
    public static PatternProgram Compile(IReadOnlyList<int> expression)
    {
        var program = new PatternProgram();
        var parser = new Parser(expression, program._steps);
        parser.Sequence(inGroup: false);
        program._steps.Add(new Step(Kind.Accept));
        program._program = [.. program._steps];
        return program;
    }

    /// <summary>True when the whole of <paramref name="path"/> matches.</summary>
    public bool IsMatch(ReadOnlySpan<byte> path)
    {
        var length = _program.Length;
        var rented = length <= 128 ? null : ArrayPool<int>.Shared.Rent(length * 4);
        Span<int> memory = rented is null ? stackalloc int[length * 4] : rented.AsSpan(0, length * 4);
        memory.Clear();
        var run = new Run(_program, memory);
        var matched = run.Match(path);
        if (rented is not null)
        {
            ArrayPool<int>.Shared.Return(rented);
        }

        return matched;
    }

    private readonly record struct Step(Kind Kind, RuneSet? Set = null, int Target = 0);

    /// <summary>The states of one run: two sparse lists of step indexes, a mark per step that says in which round it was added, and a stack.</summary>
    private ref struct Run(Step[] program, Span<int> memory)
    {
        private readonly Span<int> _marks = memory[..program.Length];
        private readonly Span<int> _pending = memory.Slice(program.Length * 3, program.Length);
        private Span<int> _current = memory.Slice(program.Length, program.Length);
        private Span<int> _next = memory.Slice(program.Length * 2, program.Length);
        private int _currentCount;
        private int _nextCount;
        private int _round;

        public bool Match(ReadOnlySpan<byte> path)
        {
            _round = 1;
            var at = 0;
            var before = -1;
            var after = Peek(path, at, out var width);
            Add(0, before, after);
            Swap();
            while (at < path.Length && _currentCount > 0)
            {
                at += width;
                before = after;
                after = Peek(path, at, out width);
                _round++;
                for (var i = 0; i < _currentCount; i++)
                {
                    var index = _current[i];
                    if (program[index].Kind == Kind.Take && program[index].Set!.Contains(before))
                    {
                        Add(index + 1, before, after);
                    }
                }

                Swap();
            }

            return at == path.Length && Accepts();
        }

        private static int Peek(ReadOnlySpan<byte> path, int at, out int width)
        {
            if (at >= path.Length)
            {
                width = 0;
                return -1;
            }

            if (path[at] < 0x80)
            {
                width = 1;
                return path[at];
            }

            // Go steps over one byte at a time where text is not UTF-8.
            if (Rune.DecodeFromUtf8(path[at..], out var rune, out width) != OperationStatus.Done)
            {
                width = 1;
                return 0xFFFD;
            }

            return rune.Value;
        }

        private void Swap()
        {
            var reuse = _current;
            _current = _next;
            _currentCount = _nextCount;
            _next = reuse;
            _nextCount = 0;
        }

        private readonly bool Accepts()
        {
            for (var i = 0; i < _currentCount; i++)
            {
                if (program[_current[i]].Kind == Kind.Accept)
                {
                    return true;
                }
            }

            return false;
        }

        /// <summary>Adds a step and every step reachable from it without taking a rune.</summary>
        private void Add(int first, int before, int after)
        {
            var depth = Push(0, first);
            while (depth > 0)
            {
                var index = _pending[--depth];
                var step = program[index];
                switch (step.Kind)
                {
                    case Kind.Take or Kind.Accept:
                        _next[_nextCount++] = index;
                        break;
                    case Kind.Split:
                        depth = Push(depth, step.Target);
                        depth = Push(depth, index + 1);
                        break;
                    case Kind.Jump:
                        depth = Push(depth, step.Target);
                        break;
                    default:
                        depth = Holds(step.Kind, before, after) ? Push(depth, index + 1) : depth;
                        break;
                }
            }
        }

        private readonly int Push(int depth, int index)
        {
            if (_marks[index] == _round)
            {
                return depth;
            }

            _marks[index] = _round;
            _pending[depth] = index;
            return depth + 1;
        }

        private static bool Holds(Kind kind, int before, int after) => kind switch
        {
            Kind.TextStart => before < 0,
            Kind.TextEnd => after < 0,
            Kind.WordBoundary => RuneSet.Word.Contains(before) != RuneSet.Word.Contains(after),
            _ => RuneSet.Word.Contains(before) == RuneSet.Word.Contains(after),
        };
    }

    /// <summary>Reads the expression and lays down steps.</summary>
    private sealed class Parser(IReadOnlyList<int> text, List<Step> steps)
    {
        private int _at;

        private bool More => _at < text.Count;

        public void Sequence(bool inGroup)
        {
            while (More)
            {
                if (inGroup && text[_at] == ')')
                {
                    return;
                }

                var start = steps.Count;
                Atom();
                Quantifier(start);
            }

            if (inGroup)
            {
                throw new FormatException("missing closing )");
            }
        }

        private void Quantifier(int start)
        {
            if (!More || text[_at] is not ('*' or '?'))
            {
                return;
            }

            var repeated = text[_at++] == '*';
            if (steps.Count == start)
            {
                throw new FormatException("missing argument to repetition operator");
            }

            // The atom moves one step down to make room for the way past it. Only groups jump inside, and only to their own steps.
            steps.Insert(start, default);
            for (var i = start + 1; i < steps.Count; i++)
            {
                if (steps[i].Kind is Kind.Split or Kind.Jump)
                {
                    steps[i] = steps[i] with { Target = steps[i].Target + 1 };
                }
            }

            if (repeated)
            {
                steps.Add(new Step(Kind.Jump, Target: start));
            }

            steps[start] = new Step(Kind.Split, Target: steps.Count);
        }

        private void Atom()
        {
            var rune = text[_at++];
            switch (rune)
            {
                case '(':
                    Sequence(inGroup: true);
                    _at++;
                    break;
                case '[':
                    steps.Add(new Step(Kind.Take, Class()));
                    break;
                case '.':
                    steps.Add(new Step(Kind.Take, RuneSet.AnyButNewline));
                    break;
                case '^':
                    steps.Add(new Step(Kind.TextStart));
                    break;
                case '*' or '?':
                    throw new FormatException("missing argument to repetition operator");
                case '\\':
                    Escape();
                    break;
                default:
                    steps.Add(new Step(Kind.Take, RuneSet.Of(rune)));
                    break;
            }
        }

        private void Escape()
        {
            if (!More)
            {
                throw new FormatException("trailing backslash");
            }

            var rune = text[_at];
            var assertion = rune switch
            {
                'A' => Kind.TextStart,
                'z' => Kind.TextEnd,
                'b' => Kind.WordBoundary,
                'B' => Kind.NoWordBoundary,
                _ => Kind.Accept,
            };
            if (assertion != Kind.Accept)
            {
                _at++;
                steps.Add(new Step(assertion));
            }
            else if (rune == 'Q')
            {
                _at++;
                Quoted();
            }
            else
            {
                steps.Add(new Step(Kind.Take, NamedSet() ?? RuneSet.Of(EscapedRune())));
            }
        }

        /// <summary>Everything up to <c>\E</c> or the end stands for itself.</summary>
        private void Quoted()
        {
            while (More)
            {
                if (text[_at] == '\\' && _at + 1 < text.Count && text[_at + 1] == 'E')
                {
                    _at += 2;
                    return;
                }

                steps.Add(new Step(Kind.Take, RuneSet.Of(text[_at++])));
            }
        }

        /// <summary><c>\d</c>, <c>\pL</c> and their kin; null when the letter is none of them. Stands on the letter.</summary>
        private RuneSet? NamedSet()
        {
            var rune = text[_at];
            if (RuneSet.Perl(rune) is { } perl)
            {
                _at++;
                return perl;
            }

            if (rune is not ('p' or 'P'))
            {
                return null;
            }

            _at++;
            var category = More ? RuneSet.Category(text[_at++], negated: rune == 'P') : null;
            return category ?? throw new FormatException("invalid character class range");
        }

        private int EscapedRune()
        {
            if (!More)
            {
                throw new FormatException("trailing backslash");
            }

            var rune = text[_at++];
            switch (rune)
            {
                case 'a':
                    return '\a';
                case 'f':
                    return '\f';
                case 'n':
                    return '\n';
                case 'r':
                    return '\r';
                case 't':
                    return '\t';
                case 'v':
                    return '\v';
                case 'x':
                    return Hex();
                case >= '0' and <= '7':
                    return Octal(rune);
                default:
                    // Go takes a backslash before ASCII punctuation only.
                    return rune < 0x80 && !char.IsAsciiLetterOrDigit((char)rune) ? rune : throw new FormatException("invalid escape sequence");
            }
        }

        private int Hex()
        {
            if (_at + 1 >= text.Count || !IsHex(text[_at]) || !IsHex(text[_at + 1]))
            {
                throw new FormatException("invalid escape sequence");
            }

            var value = (Digit(text[_at]) * 16) + Digit(text[_at + 1]);
            _at += 2;
            return value;
        }

        private int Octal(int first)
        {
            // A single digit other than 0 would be a back reference, which RE2 has not.
            if (first != '0' && (!More || text[_at] is < '0' or > '7'))
            {
                throw new FormatException("invalid escape sequence");
            }

            var value = first - '0';
            for (var i = 1; i < 3 && More && text[_at] is >= '0' and <= '7'; i++)
            {
                value = (value * 8) + text[_at++] - '0';
            }

            return value;
        }

        private static bool IsHex(int rune) => rune < 0x80 && char.IsAsciiHexDigit((char)rune);

        private static int Digit(int rune) => rune <= '9' ? rune - '0' : (rune | 0x20) - 'a' + 10;

        private RuneSet Class()
        {
            var set = new RuneSet();
            if (More && text[_at] == '^')
            {
                set.Negated = true;
                _at++;
            }

            for (var first = true; first || !More || text[_at] != ']'; first = false)
            {
                if (!More)
                {
                    throw new FormatException("missing closing ]");
                }

                if (!TryPosixClass(set) && !TryNamedSetInClass(set))
                {
                    Range(set);
                }
            }

            _at++;
            return set;
        }

        private bool TryPosixClass(RuneSet set)
        {
            if (text[_at] != '[' || _at + 1 >= text.Count || text[_at + 1] != ':')
            {
                return false;
            }

            for (var end = _at + 2; end + 1 < text.Count; end++)
            {
                if (text[end] == ':' && text[end + 1] == ']')
                {
                    var name = new StringBuilder();
                    for (var i = _at + 2; i < end; i++)
                    {
                        name.Append(char.ConvertFromUtf32(text[i]));
                    }

                    set.Add(RuneSet.Posix(name.ToString()) ?? throw new FormatException("invalid character class range"));
                    _at = end + 2;
                    return true;
                }
            }

            return false;
        }

        private bool TryNamedSetInClass(RuneSet set)
        {
            if (text[_at] != '\\' || _at + 1 >= text.Count)
            {
                return false;
            }

            _at++;
            if (NamedSet() is { } named)
            {
                set.Add(named);
                return true;
            }

            _at--;
            return false;
        }

        private void Range(RuneSet set)
        {
            var low = ClassRune();
            var high = low;
            if (_at + 1 < text.Count && text[_at] == '-' && text[_at + 1] != ']')
            {
                _at++;
                high = ClassRune();
                if (high < low)
                {
                    throw new FormatException("invalid character class range");
                }
            }

            set.Add(low, high);
        }

        private int ClassRune()
        {
            if (!More)
            {
                throw new FormatException("missing closing ]");
            }

            if (text[_at] != '\\')
            {
                return text[_at++];
            }

            _at++;
            return EscapedRune();
        }
    }
}
