using System.Buffers;
using System.Net;
using System.Net.Sockets;
using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Http2;

namespace Slipway.Tests.BuildKit.Support;

/// <summary>A channel and a server joined in memory.</summary>
internal sealed class Loop : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();

    public Loop(
        IReadOnlyDictionary<string, GrpcHandler> methods, Http2Options? clientOptions = null, Http2Options? serverOptions = null,
        (Stream Client, Stream Server)? streams = null)
    {
        var (client, server) = streams ?? DuplexStream.CreatePair();
        Serving = new GrpcServer(methods).ServeAsync(server, serverOptions ?? new Http2Options(), _stop.Token);
        Channel = GrpcChannel.Start(client, "http", "localhost", clientOptions ?? new Http2Options());
    }

    public GrpcChannel Channel { get; }

    public Task Serving { get; }

    public void StopServer() => _stop.Cancel();

    public async ValueTask DisposeAsync()
    {
        await Channel.DisposeAsync();
        await Serving.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    public static async Task<(Stream Client, Stream Server)> SocketsAsync()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var client = new TcpClient { NoDelay = true };
        await client.ConnectAsync((IPEndPoint)listener.LocalEndpoint);
        var server = await listener.AcceptTcpClientAsync();
        server.NoDelay = true;
        return (client.GetStream(), server.GetStream());
    }

    public static Dictionary<string, GrpcHandler> Method(string path, GrpcHandler handler) => new() { [path] = handler };

    /// <summary>Sends every message back.</summary>
    public static async Task EchoAsync(GrpcServerCall call, CancellationToken cancellation)
    {
        while (await call.ReadAsync(cancellation) is { } message)
        {
            using (message)
            {
                var bytes = message.Payload.ToArray();
                await call.WriteAsync(bytes.AsMemory(0, bytes.Length / 3), bytes.AsMemory(bytes.Length / 3), cancellation);
            }
        }
    }
}
