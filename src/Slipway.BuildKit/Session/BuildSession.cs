using Slipway.BuildKit.Grpc;

namespace Slipway.BuildKit.Session;

/// <summary>A BuildKit session over <c>Control.Session</c>: the reverse channel on which BuildKit calls this client's attachables.</summary>
public sealed class BuildSession : IAsyncDisposable
{
    private BuildSession(string id) => Id = id;

    /// <summary>The session's id, as <c>SolveRequest.Session</c> wants it.</summary>
    public string Id { get; }

    /// <summary>Ends when the session's stream ends; faulted when it broke.</summary>
    public Task Completion => throw new NotImplementedException();

    /// <summary>Opens the session and starts serving.</summary>
    /// <param name="sharedKey">Names the persisted copy of local folders that BuildKit may reuse.</param>
    public static Task<BuildSession> OpenAsync(
        GrpcChannel channel, string id, string sharedKey, IReadOnlyList<IAttachable> attachables, CancellationToken cancellation) =>
        throw new NotImplementedException();

    public ValueTask DisposeAsync() => throw new NotImplementedException();
}
