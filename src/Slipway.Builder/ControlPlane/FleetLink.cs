using System.Reflection;
using System.Security.Cryptography;
using System.Threading.Channels;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using Slipway.Builder.Access;
using Slipway.Builder.Engine;
using Slipway.Contract.Fleet.V1;

namespace Slipway.Builder.ControlPlane;

/// <summary>The builder's standing connection to the server, opened again whenever it breaks. Builds do not notice.</summary>
internal sealed class FleetLink(
    BuilderOptions options, BuilderIdentity identity, FleetService.FleetServiceClient fleet, Func<Hello> hello, LeaseBook leases, LeaseGate gate,
    ILogger<FleetLink> log)
{
    /// <summary>Messages are small and few; a server that leaves this many unread is as good as gone.</summary>
    private const int OutboxMax = 4096;

    private static readonly TimeSpan WelcomeLimit = TimeSpan.FromSeconds(15);

    private volatile Channel<BuilderMessage>? _outbox;
    private bool _attachedOnce;

    public bool IsAttached => _outbox is not null;

    /// <summary>Hands a message to the connection that is up; false when there is none.</summary>
    public bool Post(BuilderMessage message) => _outbox is { } outbox && outbox.Writer.TryWrite(message);

    /// <summary>What a builder with this identity says of itself.</summary>
    public static Hello Introduce(BuilderIdentity identity, IEngineProgram program, EngineFacts facts, string advertisedAddress) => new()
    {
        BuilderId = identity.BuilderId,
        Version = typeof(FleetLink).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "",
        Architectures = { facts.Architectures },
        EmulatedArchitectures = { facts.Emulated },
        EngineKind = program.Kind,
        EngineVersion = facts.Version,
        AdvertisedAddress = advertisedAddress,
    };

    /// <exception cref="BuilderException">The server does not know this builder.</exception>
    public async Task RunAsync(CancellationToken cancellation)
    {
        var backoff = new Backoff(options.Clock);
        string? told = null;
        while (!cancellation.IsCancellationRequested)
        {
            try
            {
                await AttachAsync(
                    () =>
                    {
                        (told, _attachedOnce) = (null, true);
                        backoff.Reset();
                        log.LogInformation("attached to {Server}", options.Server);
                    },
                    cancellation);
            }
            catch (RpcException e) when (!cancellation.IsCancellationRequested)
            {
                ThrowIfUnknown(e);
                var error = ServerFault.Describe(e);
                log.Log(error == told ? LogLevel.Debug : LogLevel.Warning, "no connection to {Server}: {Error}; running builds go on", options.Server, error);
                told = error;
            }
            catch (Exception e) when (e is RpcException or OperationCanceledException && cancellation.IsCancellationRequested)
            {
                return;
            }

            await backoff.PauseAsync(cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>A server that never knew this builder will not learn to; one that did may be restoring its data.</summary>
    private void ThrowIfUnknown(RpcException e)
    {
        if (!_attachedOnce && e.StatusCode is StatusCode.Unauthenticated or StatusCode.PermissionDenied)
        {
            throw Registration.Unknown(options, identity.BuilderId, e);
        }
    }

    private async Task AttachAsync(Action welcomed, CancellationToken cancellation)
    {
        using var connection = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using var call = fleet.Attach(cancellationToken: connection.Token);
        var outbox = Channel.CreateBounded<BuilderMessage>(new BoundedChannelOptions(OutboxMax) { FullMode = BoundedChannelFullMode.Wait });
        try
        {
            await SayHelloAsync(call.RequestStream, connection.Token);
            var welcome = await ReadAsync(call.ResponseStream, WelcomeLimit, connection.Token);
            if (welcome.MessageCase != ServerMessage.MessageOneofCase.Welcome)
            {
                throw new RpcException(new Status(StatusCode.Internal, $"the server said {welcome.MessageCase} before Welcome"));
            }

            Trust(welcome.Welcome.BuildClientCa);
            var beat = TimeSpan.FromSeconds(Math.Clamp(welcome.Welcome.HeartbeatSeconds, 1, 300));
            _outbox = outbox;
            welcomed();
            leases.Replay();
            await Duplex.RunAsync(
                ReceiveAsync(call.ResponseStream, beat * 3, connection.Token),
                SendAsync(outbox.Reader, call.RequestStream, beat / 2, connection.Token),
                connection);
        }
        finally
        {
            _outbox = null;
        }
    }

    private async Task SayHelloAsync(IClientStreamWriter<BuilderMessage> stream, CancellationToken cancellation)
    {
        try
        {
            await stream.WriteAsync(new BuilderMessage { Hello = hello() }, cancellation);
        }
        catch (InvalidOperationException)
        {
            // The server has ended the call already; reading from it says why.
        }
    }

    private void Trust(string authority)
    {
        try
        {
            gate.TrustClients(authority);
        }
        catch (CryptographicException e)
        {
            throw new RpcException(new Status(StatusCode.Internal, $"the server's authority for builds cannot be read: {e.Message}"));
        }
    }

    private async Task ReceiveAsync(IAsyncStreamReader<ServerMessage> messages, TimeSpan silenceMax, CancellationToken cancellation)
    {
        while (true)
        {
            leases.Handle(await ReadAsync(messages, silenceMax, cancellation));
        }
    }

    private async Task SendAsync(ChannelReader<BuilderMessage> outbox, IClientStreamWriter<BuilderMessage> stream, TimeSpan beat, CancellationToken cancellation)
    {
        using var timer = new PeriodicTimer(beat, options.Clock);
        var tick = timer.WaitForNextTickAsync(cancellation).AsTask();
        var more = outbox.WaitToReadAsync(cancellation).AsTask();
        while (true)
        {
            if (await Task.WhenAny(tick, more) == tick)
            {
                await tick;
                await stream.WriteAsync(new BuilderMessage { Heartbeat = new Heartbeat() }, cancellation);
                tick = timer.WaitForNextTickAsync(cancellation).AsTask();
                continue;
            }

            await more;
            while (outbox.TryRead(out var message))
            {
                await stream.WriteAsync(message, cancellation);
            }

            more = outbox.WaitToReadAsync(cancellation).AsTask();
        }
    }

    private async Task<ServerMessage> ReadAsync(IAsyncStreamReader<ServerMessage> messages, TimeSpan limit, CancellationToken cancellation)
    {
        try
        {
            return await messages.MoveNext(cancellation).WaitAsync(limit, options.Clock, cancellation)
                ? messages.Current
                : throw new RpcException(new Status(StatusCode.Unavailable, "the server closed the connection"));
        }
        catch (TimeoutException)
        {
            throw new RpcException(new Status(StatusCode.Unavailable, $"the server was silent for {limit.TotalSeconds:0} s"));
        }
    }
}
