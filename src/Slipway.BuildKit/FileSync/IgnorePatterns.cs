using System.Text;

namespace Slipway.BuildKit.FileSync;

/// <summary>A list of file patterns as <c>.dockerignore</c> means them: the last pattern that matches a path or a folder above it decides.</summary>
/// <remarks>Follows moby/patternmatcher. Safe to use from several threads.</remarks>
internal sealed class IgnorePatterns
{
    private readonly List<Pattern> _patterns = [];

    /// <exception cref="FormatException">A pattern is malformed.</exception>
    public IgnorePatterns(IEnumerable<ReadOnlyMemory<byte>> patterns)
    {
        foreach (var text in patterns)
        {
            if (Pattern.Read(text.Span) is { } pattern)
            {
                _patterns.Add(pattern);
                HasExceptions |= pattern.IsException;
            }
        }
    }

    public int Count => _patterns.Count;

    /// <summary>True when some pattern begins with <c>!</c>.</summary>
    public bool HasExceptions { get; }

    public IReadOnlyList<Pattern> Patterns => _patterns;

    public static IgnorePatterns Of(params IEnumerable<string> patterns) =>
        new(patterns.Select(pattern => new ReadOnlyMemory<byte>(Encoding.UTF8.GetBytes(pattern))));

    /// <summary>True when <paramref name="path"/> or a folder above it matches, and no later exception takes that back.</summary>
    public bool MatchesPathOrParent(ReadOnlySpan<byte> path)
    {
        var matched = false;
        foreach (var pattern in _patterns)
        {
            // A pattern that could not change the verdict is not looked at.
            if (pattern.IsException == matched && pattern.IsMatchAtAnyDepth(path))
            {
                matched = !pattern.IsException;
            }
        }

        return matched;
    }

    /// <summary>The verdict during a walk, where the parent's results are at hand.</summary>
    /// <remarks>A result is false when the pattern was not looked at, even if it would have matched the parent: after <c>a/*</c>, <c>!a*</c> does not
    /// bring back <c>a/b</c>, though it matches <c>a</c>. Upstream's walk has it so, and <see cref="MatchesPathOrParent"/> has not.</remarks>
    /// <param name="path">A path directly below the folder whose results <paramref name="parent"/> holds.</param>
    /// <param name="parent">Which patterns matched the parent; empty at the root.</param>
    /// <param name="own">Takes the path's own results, for its children; may be empty when the path is no folder.</param>
    public bool Matches(ReadOnlySpan<byte> path, ReadOnlySpan<bool> parent, Span<bool> own)
    {
        var matched = false;
        for (var i = 0; i < _patterns.Count; i++)
        {
            var pattern = _patterns[i];
            var match = !parent.IsEmpty && parent[i];
            if (!match && pattern.IsException == matched)
            {
                match = pattern.IsMatch(path);
            }

            if (!own.IsEmpty)
            {
                own[i] = match;
            }

            if (match)
            {
                matched = !pattern.IsException;
            }
        }

        return matched;
    }

    /// <summary>One pattern, cleaned and compiled.</summary>
    internal sealed class Pattern
    {
        private readonly byte[] _text;
        private readonly PatternSyntax.Form _form;
        private readonly PatternProgram? _program;
        private readonly FormatException? _refused;
        private readonly byte[] _literalStart = [];
        private readonly byte[] _literalEnd = [];

        private Pattern(byte[] text, bool isException)
        {
            _text = text;
            IsException = isException;
            var expression = new List<int>();
            _form = PatternSyntax.Translate(text, expression);
            if (_form != PatternSyntax.Form.Expression)
            {
                return;
            }

            try
            {
                _program = PatternProgram.Compile(expression);
            }
            catch (FormatException refused)
            {
                // Upstream compiles at the first use, and many patterns never come to that.
                _refused = new FormatException($"syntax error in pattern \"{WirePath.Show(text)}\": {refused.Message}", refused);
            }

            _literalStart = LiteralStart(text);
            _literalEnd = LiteralEnd(text);
        }

        public bool IsException { get; }

        public ReadOnlySpan<byte> Text => _text;

        public static Pattern? Read(ReadOnlySpan<byte> text)
        {
            var trimmed = IgnoreFile.Trim(text);
            if (trimmed.IsEmpty)
            {
                return null;
            }

            var cleaned = WirePath.Clean(trimmed);
            var isException = cleaned[0] == '!';
            if (isException && cleaned.Length == 1)
            {
                throw new FormatException("illegal exclusion pattern: \"!\"");
            }

            var pattern = isException ? cleaned[1..] : cleaned;
            PatternSyntax.Check(pattern);
            return new Pattern(pattern, isException);
        }

        public bool IsMatch(ReadOnlySpan<byte> path)
        {
            switch (_form)
            {
                case PatternSyntax.Form.Exact:
                    return path.SequenceEqual(_text);
                case PatternSyntax.Form.Prefix:
                    return path.StartsWith(_text.AsSpan(0, _text.Length - 2));
                case PatternSyntax.Form.Suffix:
                    var suffix = _text.AsSpan(2);
                    return path.EndsWith(suffix) || (suffix[0] == '/' && path.SequenceEqual(suffix[1..]));
                default:
                    return IsExpressionMatch(path);
            }
        }

        public bool IsMatchAtAnyDepth(ReadOnlySpan<byte> path)
        {
            if (IsMatch(path))
            {
                return true;
            }

            for (var end = 0; end < path.Length; end++)
            {
                if (path[end] == '/' && IsMatch(path[..end]))
                {
                    return true;
                }
            }

            return false;
        }

        /// <summary>The pattern without a final <c>/**</c> and then <c>/*</c>: what stands literally in front of everything it can match.</summary>
        public ReadOnlySpan<byte> WithoutTrailingGlob()
        {
            ReadOnlySpan<byte> text = _text;
            text = text.EndsWith("/**"u8) ? text[..^3] : text;
            return text.EndsWith("/*"u8) ? text[..^2] : text;
        }

        private bool IsExpressionMatch(ReadOnlySpan<byte> path)
        {
            if (_refused is not null)
            {
                throw new FormatException(_refused.Message, _refused);
            }

            // The literal ends settle almost every path without running the automaton.
            return path.StartsWith(_literalStart) && path.EndsWith(_literalEnd) && _program!.IsMatch(path);
        }

        private static byte[] LiteralStart(ReadOnlySpan<byte> text)
        {
            var end = text.IndexOfAny(PatternSyntax.Special);
            return end < 0 ? text.ToArray() : Ascii(text[..end], fromEnd: false);
        }

        private static byte[] LiteralEnd(ReadOnlySpan<byte> text)
        {
            // Escaped letters and digits (\x41, \Q) reach further than one rune.
            for (var at = text.IndexOf((byte)'\\'); at >= 0 && at + 1 < text.Length; at++)
            {
                if (text[at] == '\\' && char.IsAsciiLetterOrDigit((char)text[at + 1]))
                {
                    return [];
                }
            }

            // A slash after "**" belongs to it and may be absent, and a backslash takes one rune with it.
            var start = text.LastIndexOfAny(PatternSyntax.Special) + 2;
            return start >= text.Length ? [] : Ascii(text[start..], fromEnd: true);
        }

        /// <summary>The longest part on that side in plain ASCII: bytes that are no UTF-8 compare as runes, not as bytes.</summary>
        private static byte[] Ascii(ReadOnlySpan<byte> text, bool fromEnd)
        {
            var other = fromEnd ? text.LastIndexOfAnyInRange((byte)0x80, (byte)0xFF) : text.IndexOfAnyInRange((byte)0x80, (byte)0xFF);
            return (other < 0 ? text : fromEnd ? text[(other + 1)..] : text[..other]).ToArray();
        }
    }
}
