namespace Depot.Cli.Docker;

/// <summary>Docker misses a part of an image that was not sent because it seemed to have it.</summary>
/// <param name="digests">The blobs that it named.</param>
internal sealed class ImageIncompleteException(string message, IReadOnlyList<string> digests) : Exception(message)
{
    public IReadOnlyList<string> Digests { get; } = digests;
}
