using Slipway.BuildKit.Compression;
using Slipway.BuildKit.Control;
using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Http2;

namespace Slipway.BuildKit.Session;

/// <summary>A BuildKit session over <c>Control.Session</c>: the reverse channel on which BuildKit calls this client's attachables.</summary>
public sealed class BuildSession : IAsyncDisposable
{
    private const string HealthPath = "/grpc.health.v1.Health/Check";

    /// <summary>HealthCheckResponse{status = SERVING}.</summary>
    private static readonly byte[] Serving = [0x08, 0x01];

    // Never disposed: it has no timer, so there is nothing to free, and closing twice stays harmless.
    private readonly CancellationTokenSource _closing = new();
    private int _disposed;

    private BuildSession(string id, GrpcCall call, GrpcServer server, Http2Options options)
    {
        Id = id;
        Completion = ServeAsync(call, server, options);
    }

    /// <summary>The session's id, as <c>SolveRequest.Session</c> wants it.</summary>
    public string Id { get; }

    /// <summary>Ends when the session's stream ends; faulted when it broke.</summary>
    public Task Completion { get; }

    /// <summary>Opens the session and starts serving. BuildKit's refusal, if any, shows in <see cref="Completion"/>: a build need not wait for
    /// its consent, because Solve waits for the session by itself.</summary>
    /// <param name="sharedKey">Names the persisted copy of local folders that BuildKit may reuse.</param>
    /// <param name="compression">Of what is sent to the engine, if it reads compressed messages.</param>
    public static async Task<BuildSession> OpenAsync(
        GrpcChannel channel, string id, string sharedKey, IReadOnlyList<IAttachable> attachables, CompressionMode compression, CancellationToken cancellation)
    {
        var methods = new Dictionary<string, GrpcHandler>(StringComparer.Ordinal) { [HealthPath] = AnswerHealthAsync };
        foreach (var (path, handler) in attachables.SelectMany(attachable => attachable.Methods))
        {
            methods.Add(path, handler);
        }

        var call = await channel.StartAsync(ControlClient.SessionPath, Headers(id, sharedKey, methods.Keys), cancellation);
        var server = new GrpcServer(methods, MessageCompression.Create(compression, channel.Line, channel.Options.Clock));
        return new BuildSession(id, call, server, channel.Options with { KeepAliveInterval = TimeSpan.Zero });
    }

    /// <summary>Ends the session, and with it every call that BuildKit has running on it.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            await _closing.CancelAsync();
        }

        await Completion.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>Each method is an entry of its own: joined into one, BuildKit knows none of them.</summary>
    private static Metadata Headers(string id, string sharedKey, IEnumerable<string> methods)
    {
        var headers = new Metadata
        {
            { "x-docker-expose-session-uuid", id },
            { "x-docker-expose-session-name", "" },
            { "x-docker-expose-session-sharedkey", sharedKey },
        };
        foreach (var method in methods)
        {
            headers.Add("x-docker-expose-session-grpc-method", method);
        }

        return headers;
    }

    private async Task ServeAsync(GrpcCall call, GrpcServer server, Http2Options options)
    {
        await using var stream = new SessionStream(call, () => CloseAsync(call));
        try
        {
            await server.ServeAsync(stream, options, _closing.Token);
        }
        catch (Http2Exception broken) when (broken.InnerException is GrpcStatusException status)
        {
            // What happened to the outer call says more than that the inner connection lost its transport.
            throw new GrpcStatusException(status.Code, status.Message, status.Details, broken) { FromPeer = status.FromPeer };
        }
    }

    /// <summary>A half-close lets BuildKit end the call in peace; the reset that follows makes sure that it ends.</summary>
    private static async ValueTask CloseAsync(GrpcCall call)
    {
        await using (call)
        {
            try
            {
                await call.CompleteWritesAsync(CancellationToken.None);
            }
            catch (GrpcStatusException)
            {
                // Already gone.
            }
        }
    }

    private static async Task AnswerHealthAsync(GrpcServerCall call, CancellationToken cancellation)
    {
        using var request = await call.ReadAsync(cancellation);
        await call.WriteAsync(Serving, default, cancellation);
    }
}
