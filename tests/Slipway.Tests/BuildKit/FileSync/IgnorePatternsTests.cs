using System.Text;
using Slipway.BuildKit.FileSync;
using Xunit;

namespace Slipway.Tests.BuildKit.FileSync;

public sealed class IgnorePatternsTests
{
    [Theory]
    // Exact, and everything below.
    [InlineData("a", "a", true)]
    [InlineData("a", "a/b", true)]
    [InlineData("a", "ab", false)]
    [InlineData("a/b", "a/b/c/d", true)]
    [InlineData("a/b", "x/a/b", false)]
    [InlineData("./a/../b/", "b", true)]
    [InlineData("  a\t", "a", true)]
    // One star stays in its folder.
    [InlineData("*", "a", true)]
    [InlineData("*", "a/b", true)]
    [InlineData("*.go", "a.go", true)]
    [InlineData("*.go", "d/a.go", false)]
    [InlineData("*/a", "d/a", true)]
    [InlineData("*/a", "a", false)]
    [InlineData("a*c", "abbc", true)]
    [InlineData("a*c", "ab/c", false)]
    [InlineData("*.txt", ".txt", true)]
    // Two stars cross folders, none included.
    [InlineData("**", "a/b/c", true)]
    [InlineData("**/a", "a", true)]
    [InlineData("**/a", "x/y/a", true)]
    [InlineData("**/a", "x/ya", false)]
    [InlineData("**a", "x/ya", true)]
    [InlineData("**/a/b", "x/a/b", true)]
    [InlineData("**/*.go", "a.go", true)]
    [InlineData("**/*.go", "x/y/a.go", true)]
    [InlineData("a/**", "a/b/c", true)]
    [InlineData("a/**", "a", false)]
    [InlineData("a/**/b", "a/b", true)]
    [InlineData("a/**/b", "a/x/y/b", true)]
    [InlineData("a/**/b", "a/xb", false)]
    [InlineData("a**/b", "a/b", true)]
    [InlineData("a**b", "ab", true)]
    [InlineData("a**b", "ax/b", true)]
    [InlineData("a**b", "axb", false)]
    [InlineData("**/x/**", "a/x/b", true)]
    [InlineData("**/x/**", "x/b", true)]
    [InlineData("**/**/a", "x/y/a", true)]
    [InlineData("***", "a/b", true)]
    [InlineData("a/***", "a/b", true)]
    // One rune that is no slash.
    [InlineData("a?c", "abc", true)]
    [InlineData("a?c", "a/c", false)]
    [InlineData("a?c", "aéc", true)]
    [InlineData("??", "é", false)]
    // Classes.
    [InlineData("[a-c]x", "bx", true)]
    [InlineData("[a-c]x", "dx", false)]
    [InlineData("[^a-c]x", "dx", true)]
    [InlineData("[^a-c]x", "bx", false)]
    [InlineData("[!a]", "!", true)]
    [InlineData("[!a]", "b", false)]
    [InlineData("[é-ü]", "ö", true)]
    [InlineData("[\\]]", "]", true)]
    [InlineData("[a\\-c]", "-", true)]
    [InlineData("[a\\-c]", "b", false)]
    [InlineData("[[:alpha:]]", "q", true)]
    [InlineData("[[:alpha:]]", "1", false)]
    [InlineData("a]", "a]", true)]
    // A star in a class becomes part of the expression around it, as upstream has it.
    [InlineData("[a*]", "a]", true)]
    [InlineData("[a*]", "[]", true)]
    [InlineData("[a*]", "b]", false)]
    // Escapes mean what RE2 says.
    [InlineData("a\\*", "a*", true)]
    [InlineData("a\\*", "ab", false)]
    [InlineData("a\\?", "a?", true)]
    [InlineData("\\d*", "7up", true)]
    [InlineData("\\d*", "d7", false)]
    [InlineData("foo\\bar", "foobar", false)]
    [InlineData("foo\\bar", "foo\\bar", false)]
    [InlineData("\\x41*c", "Abc", true)]
    [InlineData("x\\pL", "xé", true)]
    [InlineData("x\\pL", "x1", false)]
    [InlineData("\\Qa.b\\Ec", "a.bc", false)]
    // Everything else is literal.
    [InlineData("a.b*", "axb", false)]
    [InlineData("a+(b)|{c}$*", "a+(b)|{c}$x", true)]
    [InlineData("a^b", "a^b", true)]
    [InlineData("a^b*", "a^bc", false)]
    // A line break ends what two stars cross: RE2's dot does not match it.
    [InlineData("a/**/b", "a/x\ny/b", false)]
    [InlineData("a*b", "a\nb", true)]
    public void One_pattern_decides_as_upstream_does(string pattern, string path, bool expected)
    {
        Assert.Equal(expected, IgnorePatterns.Of(pattern).MatchesPathOrParent(Encoding.UTF8.GetBytes(path)));
    }

    [Theory]
    [InlineData("a !a/b", "a/b", false)]
    [InlineData("a !a/b", "a/b/c", false)]
    [InlineData("a !a/b", "a/c", true)]
    [InlineData("!a/b a", "a/b", true)]
    [InlineData("* !*.md README.md", "README.md", true)]
    [InlineData("* !*.md README.md", "other.md", false)]
    [InlineData("*.md !README*.md README-secret.md", "README-secret.md", true)]
    [InlineData("*.md !README*.md README-secret.md", "README-1.md", false)]
    [InlineData("** !a/**/keep", "a/x/keep", false)]
    [InlineData("** !a/**/keep", "a/x/drop", true)]
    [InlineData("! a", "a", false)]
    public void The_last_pattern_that_matches_wins(string patterns, string path, bool expected)
    {
        if (patterns == "! a")
        {
            Assert.Throws<FormatException>(() => IgnorePatterns.Of("!"));
            return;
        }

        Assert.Equal(expected, IgnorePatterns.Of(patterns.Split(' ')).MatchesPathOrParent(Encoding.UTF8.GetBytes(path)));
    }

    [Theory]
    [InlineData("[")]
    [InlineData("[]")]
    [InlineData("[]a]")]
    [InlineData("[^]")]
    [InlineData("[a-]")]
    [InlineData("[-a]")]
    [InlineData("a\\")]
    [InlineData("[a\\")]
    public void A_malformed_pattern_is_refused_at_once(string pattern)
    {
        Assert.Throws<FormatException>(() => IgnorePatterns.Of(pattern));
    }

    [Theory]
    [InlineData("a\\y")]
    [InlineData("[z-a]")]
    [InlineData("\\pr")]
    [InlineData("\\é")]
    public void A_pattern_that_RE2_refuses_fails_when_it_is_used(string pattern)
    {
        var patterns = IgnorePatterns.Of(pattern);
        var failure = Assert.Throws<FormatException>(() => patterns.MatchesPathOrParent("b"u8));
        Assert.Contains(pattern, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Bytes_that_are_no_text_match_as_one_rune_each()
    {
        Assert.True(IgnorePatterns.Of("a?c").MatchesPathOrParent([(byte)'a', 0xFF, (byte)'c']));
        Assert.False(IgnorePatterns.Of("a?c").MatchesPathOrParent([(byte)'a', 0xFF, 0xFE, (byte)'c']));
        Assert.True(IgnorePatterns.Of("a*").MatchesPathOrParent([(byte)'a', 0xFF, 0xFE]));
    }

    [Fact]
    public void Many_stars_do_not_make_a_match_slow()
    {
        var path = Encoding.ASCII.GetBytes(new string('a', 5000));
        Assert.False(IgnorePatterns.Of(string.Concat(Enumerable.Repeat("a*", 60)) + "b?").MatchesPathOrParent(path));
    }

    [Fact]
    public void An_ignore_file_is_read_line_by_line()
    {
        var content = Encoding.UTF8.GetBytes("\uFEFF# comment\n\n  # no comment\r\n/abs/path/\n!/abs/keep\n ! x \n a/../b \n/\n!\nlast");
        var patterns = IgnoreFile.Read(content).Select(Encoding.UTF8.GetString);
        Assert.Equal(["# no comment", "abs/path", "!abs/keep", "!x", "b", "/", "!", "last"], patterns);
    }
}
