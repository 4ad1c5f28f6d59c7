using Depot.Cli.Build;

namespace Depot.Cli.ImageTools;

/// <summary>An image's name in full, and where it leads.</summary>
/// <param name="Text">Registry, repository, and a tag or a digest or both.</param>
/// <param name="Reference">The digest if there is one, else the tag.</param>
internal sealed record ImageName(string Text, string Host, string Repository, string Reference)
{
    /// <summary>The name without its tag and digest.</summary>
    public string Place => ImageReference.Repository(Text);

    /// <exception cref="CliException">It is no name of an image.</exception>
    public static ImageName Parse(string text)
    {
        if (ImageReference.Normalize(text).Problem is { } problem)
        {
            throw new CliException(problem.StartsWith("invalid reference", StringComparison.Ordinal) ? problem : $"invalid reference format: {problem}");
        }

        var full = ImageReference.Canonical(text);
        var (host, repository, tag) = ImageReference.Locate(text);
        var at = full.IndexOf('@', StringComparison.Ordinal);
        return new ImageName(full, host, repository, at < 0 ? tag : full[(at + 1)..]);
    }

    public ImageName At(string digest) => this with { Text = $"{Place}@{digest}", Reference = digest };

    public bool SharesRepositoryWith(ImageName other) => Host == other.Host && Repository == other.Repository;
}
