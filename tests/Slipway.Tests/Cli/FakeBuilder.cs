using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Google.Protobuf;
using Slipway.BuildKit.Control;
using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Http2;
using Slipway.BuildKit.Session;
using Slipway.BuildKit.Wire.Control;
using Slipway.BuildKit.Wire.Gateway;
using GatewaySolveRequest = Slipway.BuildKit.Wire.Gateway.SolveRequest;
using GatewaySolveResponse = Slipway.BuildKit.Wire.Gateway.SolveResponse;
using SolveRequest = Slipway.BuildKit.Wire.Control.SolveRequest;
using SolveResponse = Slipway.BuildKit.Wire.Control.SolveResponse;

namespace Slipway.Tests.Cli;

/// <summary>A builder on a real socket whose Solve does what a test says; it calls the client back on its session as BuildKit does.</summary>
internal sealed class FakeBuilder : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentDictionary<string, TaskCompletionSource<GrpcChannel>> _sessions = new();
    private readonly ConcurrentBag<Socket> _sockets = [];
    private readonly Func<FakeSolve, CancellationToken, Task<SolveResponse>> _solve;
    private readonly Task _accepting;

    public FakeBuilder(Func<FakeSolve, CancellationToken, Task<SolveResponse>> solve)
    {
        _solve = solve;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public string Endpoint => $"tcp://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";

    /// <summary>What the frontend answers to a client that drives it through the gateway.</summary>
    public Func<GatewaySolveRequest, Result> Frontend { get; set; } = _ => throw new GrpcStatusException(GrpcStatusCode.Unimplemented, "no frontend");

    public ListWorkersResponse Workers { get; set; } = new();

    /// <summary>Every Solve whose client gave it up.</summary>
    public TaskCompletionSource Abandoned { get; } = new();

    /// <summary>Cuts every connection, as a machine that dies does.</summary>
    public void Die()
    {
        _listener.Stop();
        foreach (var socket in _sockets)
        {
            socket.Close(0);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task AcceptAsync()
    {
        var connections = new List<Task>();
        try
        {
            while (true)
            {
                var socket = await _listener.AcceptSocketAsync(_stop.Token);
                _sockets.Add(socket);
                connections.Add(ServeAsync(socket));
            }
        }
        catch (Exception problem) when (problem is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            await Task.WhenAll(connections).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private Task ServeAsync(Socket socket)
    {
        var statuses = new ConcurrentDictionary<string, FakeSolve>();
        var server = new GrpcServer(new Dictionary<string, GrpcHandler>
        {
            [ControlClient.SessionPath] = SessionAsync,
            [ControlClient.ListWorkersPath] = async (call, cancellation) =>
            {
                await call.ReadMessageAsync(ListWorkersRequest.Parser, cancellation);
                await call.WriteMessageAsync(Workers, cancellation);
            },
            [ControlClient.StatusPath] = async (call, cancellation) =>
            {
                var request = await call.ReadMessageAsync(StatusRequest.Parser, cancellation);
                var solve = statuses.GetOrAdd(request!.Ref, _ => new FakeSolve());
                await foreach (var status in solve.Statuses.Reader.ReadAllAsync(cancellation))
                {
                    await call.WriteMessageAsync(status, cancellation);
                }
            },
            [ControlClient.SolvePath] = async (call, cancellation) =>
            {
                var request = await call.ReadMessageAsync(SolveRequest.Parser, cancellation);
                var solve = statuses.GetOrAdd(request!.Ref, _ => new FakeSolve());
                solve.Request = request;
                solve.Session = await _sessions.GetOrAdd(request.Session, _ => new()).Task.WaitAsync(cancellation);
                try
                {
                    await call.WriteMessageAsync(await _solve(solve, cancellation), cancellation);
                }
                catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
                {
                    Abandoned.TrySetResult();
                    throw;
                }
                finally
                {
                    solve.Statuses.Writer.TryComplete();
                }
            },
            [GatewayClient.SolvePath] = async (call, cancellation) =>
            {
                var request = await call.ReadMessageAsync(GatewaySolveRequest.Parser, cancellation);
                await call.WriteMessageAsync(new GatewaySolveResponse { Result = Frontend(request!) }, cancellation);
            },
            [GatewayClient.ReturnPath] = async (call, cancellation) =>
            {
                var request = await call.ReadMessageAsync(ReturnRequest.Parser, cancellation);
                var reference = call.RequestHeaders.First("buildkit-controlapi-buildid")!;
                statuses.GetOrAdd(reference, _ => new FakeSolve()).Returned.SetResult(request!);
                await call.WriteMessageAsync(new ReturnResponse(), cancellation);
            },
        });
        return server.ServeAsync(new NetworkStream(socket, ownsSocket: true), new Http2Options(), _stop.Token);
    }

    private async Task SessionAsync(GrpcServerCall call, CancellationToken cancellation)
    {
        var id = call.RequestHeaders.First("x-docker-expose-session-uuid")!;
        await using var channel = GrpcChannel.Start(new SessionStream(call), "http", "localhost", new Http2Options());
        _sessions.GetOrAdd(id, _ => new()).SetResult(channel);
        await channel.Completion.WaitAsync(cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }
}

/// <summary>One Solve at a fake builder.</summary>
internal sealed class FakeSolve
{
    public SolveRequest Request { get; set; } = new();

    /// <summary>The way back to the client.</summary>
    public GrpcChannel Session { get; set; } = null!;

    /// <summary>What the client handed to the exporters, when it drives the frontend itself.</summary>
    public TaskCompletionSource<ReturnRequest> Returned { get; } = new();

    public System.Threading.Channels.Channel<StatusResponse> Statuses { get; } = System.Threading.Channels.Channel.CreateBounded<StatusResponse>(100);

    public async Task ShowAsync(string vertex) =>
        await Statuses.Writer.WriteAsync(new StatusResponse { Vertexes = { new Vertex { Digest = $"sha256:{vertex}", Name = vertex } } });

    /// <summary>Sends an export of bytes, as the exporters with a tar do.</summary>
    public async Task ExportAsync(int index, byte[] bytes, CancellationToken cancellation)
    {
        var metadata = new Metadata { { "buildkit-attachable-exporter-id", index.ToString(System.Globalization.CultureInfo.InvariantCulture) } };
        await using var call = await Session.StartAsync("/moby.filesync.v1.FileSend/DiffCopy", metadata, cancellation);
        foreach (var chunk in bytes.Chunk(32 * 1024))
        {
            await call.WriteMessageAsync(new BytesMessage { Data = UnsafeByteOperations.UnsafeWrap(chunk) }, cancellation);
        }

        await call.CompleteWritesAsync(cancellation);
        while (await call.ReadMessageAsync(BytesMessage.Parser, cancellation) is not null)
        {
        }
    }
}
