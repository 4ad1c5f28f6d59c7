namespace Depot.Cli.ControlPlane;

/// <summary>Carries one POST to the control plane and its answer.</summary>
internal interface IApiTransport : IAsyncDisposable
{
    /// <exception cref="ApiException">No answer came.</exception>
    Task<ApiReply> PostAsync(ApiPost post, CancellationToken cancellation);
}

/// <param name="Path">Absolute, the address's own path included.</param>
/// <param name="Headers">Names in lower case.</param>
internal sealed record ApiPost(string Path, IReadOnlyList<KeyValuePair<string, string>> Headers, ReadOnlyMemory<byte> Body);

/// <param name="Date">The server's clock, as HTTP writes it; empty when it does not say.</param>
internal sealed record ApiReply(int Status, string ContentType, string Date, ReadOnlyMemory<byte> Body)
{
    /// <summary>No answer of the API is near this; more is a peer that is none.</summary>
    public const int BodyBytesMax = 16 * 1024 * 1024;
}
