using Depot.Cli.Build;
using Xunit;

namespace Slipway.Tests.Cli;

/// <summary>The grammar of image references.</summary>
public sealed class ImageReferenceTests
{
    [Theory]
    [InlineData("a", null)]
    [InlineData("a/b-c__d.e/f:Tag_1.0-x", null)]
    [InlineData("HOST:5000/a/b", null)]
    [InlineData("[::1]:5000/a", null)]
    [InlineData("a@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", null)]
    [InlineData("A", "repository name must be lowercase")]
    [InlineData("a/B", "repository name must be lowercase")]
    [InlineData("a..b", "invalid reference format")]
    [InlineData("a___b", "invalid reference format")]
    [InlineData("-a", "invalid reference format")]
    [InlineData("a:", "invalid reference format")]
    [InlineData("a:.x", "invalid reference format")]
    [InlineData("a//b", "invalid reference format")]
    [InlineData("a@sha256:12", "invalid reference format")]
    [InlineData("", "repository name must have at least one component")]
    public void A_reference_is_valid_or_says_why_not(string text, string? problem) => Assert.Equal(problem, ImageReference.Problem(text));

    [Theory]
    [InlineData("alpine", "alpine")]
    [InlineData("docker.io/library/alpine:latest", "alpine:latest")]
    [InlineData("index.docker.io/me/x", "me/x")]
    [InlineData("localhost/x", "localhost/x")]
    [InlineData("host:1/x", "host:1/x")]
    public void A_name_has_a_familiar_form(string text, string expected) => Assert.Equal(expected, ImageReference.Normalize(text).Familiar);

    [Fact]
    public void A_name_in_capitals_has_none() =>
        Assert.Equal("invalid reference format: repository name (library/FOO!) must be lowercase", ImageReference.Normalize("FOO!").Problem);
}
