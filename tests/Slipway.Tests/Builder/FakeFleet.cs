using System.Collections.Concurrent;
using System.Threading.Channels;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Slipway.Builder.ControlPlane;
using Slipway.Contract.Fleet;
using Slipway.Contract.Fleet.V1;
using Record = Slipway.Contract.Fleet.V1.Record;

namespace Slipway.Tests.Builder;

/// <summary>The server's end of the fleet protocol, over real HTTP/2; disposing it and starting another on the same port is a restart.</summary>
internal sealed class FakeFleet : IAsyncDisposable
{
    public const string JoinToken = "slpj_good";

    /// <summary>Signs builders' certificates, on whatever fake they enrol.</summary>
    private static readonly TestAuthority Builders = new("builders", DateTimeOffset.UtcNow);

    private readonly WebApplication _app;

    public FakeFleet(FleetState state, int port = 0)
    {
        State = state;
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddGrpc();
        builder.Services.AddSingleton(state);
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromMilliseconds(1));
        builder.WebHost.ConfigureKestrel(kestrel =>
            kestrel.Listen(System.Net.IPAddress.Loopback, port, listen => listen.Protocols = HttpProtocols.Http2));
        _app = builder.Build();
        _app.MapGrpcService<Service>();
    }

    public FleetState State { get; }

    /// <summary>An identity that every fake knows; from a stranger's authority, one that none does.</summary>
    public static BuilderIdentity Identity(TestAuthority? stranger = null)
    {
        var (key, csr) = BuilderIdentity.NewKey();
        return BuilderIdentity.Join("bld1", Certify(csr, stranger ?? Builders), key);
    }

    public Uri Address => new(_app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());

    public static async Task<FakeFleet> StartAsync(FleetState state, int port = 0)
    {
        var fleet = new FakeFleet(state, port);
        await fleet._app.StartAsync();
        return fleet;
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    private static string Certify(byte[] csr, TestAuthority authority) =>
        authority.SignRequest(csr, DateTimeOffset.UtcNow, TimeSpan.FromHours(24));

    /// <summary>What outlives a restart, and what tests look at.</summary>
    internal sealed class FleetState
    {
        public string AuthorityPem { get; init; } = "";

        public int HeartbeatSeconds { get; init; } = 1;

        public ConcurrentQueue<Hello> Hellos { get; } = new();

        /// <summary>Everything received but heartbeats, over all connections.</summary>
        public Channel<BuilderMessage> Received { get; } = Channel.CreateUnbounded<BuilderMessage>();

        /// <summary>Committed records per (build, architecture), as a server keeps them: each number once, in order.</summary>
        public ConcurrentDictionary<(string, string), List<Record>> Records { get; } = new();

        /// <summary>Answers BuildEnded with an acknowledgement.</summary>
        public bool AcknowledgeEnds { get; set; } = true;

        /// <summary>Asked once per batch: true breaks the Report call after the records are committed and before they are acknowledged.</summary>
        public Func<bool> DropAcknowledgement { get; set; } = () => false;

        public IServerStreamWriter<ServerMessage>? Connection { get; set; }

        public async Task<BuilderMessage> NextAsync(BuilderMessage.MessageOneofCase kind)
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
            while (true)
            {
                var message = await Received.Reader.ReadAsync(limit.Token);
                if (message.MessageCase == kind)
                {
                    return message;
                }
            }
        }

        public Task SendAsync(ServerMessage message) => Connection!.WriteAsync(message);
    }

    private sealed class Service(FleetState state) : FleetService.FleetServiceBase
    {
        public override Task<EnrollResponse> Enroll(EnrollRequest request, ServerCallContext context)
        {
            if (context.RequestHeaders.GetValue("authorization") != "Bearer " + JoinToken)
            {
                throw new RpcException(new Status(StatusCode.Unauthenticated, "unknown token"));
            }

            return Task.FromResult(new EnrollResponse { BuilderId = "bld1", Certificate = Certify(request.Csr.ToByteArray(), Builders) });
        }

        public override async Task Attach(
            IAsyncStreamReader<BuilderMessage> requests, IServerStreamWriter<ServerMessage> responses, ServerCallContext context)
        {
            MustProve(context);
            await requests.MoveNext(context.CancellationToken);
            state.Hellos.Enqueue(requests.Current.Hello);
            await responses.WriteAsync(new ServerMessage
            {
                Welcome = new Welcome { HeartbeatSeconds = state.HeartbeatSeconds, BuildClientCa = state.AuthorityPem },
            });
            state.Connection = responses;
            await state.Received.Writer.WriteAsync(requests.Current);
            while (await requests.MoveNext(context.CancellationToken))
            {
                var message = requests.Current;
                if (message.MessageCase == BuilderMessage.MessageOneofCase.Heartbeat)
                {
                    await responses.WriteAsync(new ServerMessage { Heartbeat = new Heartbeat() });
                    continue;
                }

                if (message.MessageCase == BuilderMessage.MessageOneofCase.BuildEnded && state.AcknowledgeEnds)
                {
                    await responses.WriteAsync(new ServerMessage
                    {
                        BuildEndedAck = new BuildEndedAck { BuildId = message.BuildEnded.BuildId, LeaseId = message.BuildEnded.LeaseId },
                    });
                }

                await state.Received.Writer.WriteAsync(message);
            }
        }

        public override async Task Report(IAsyncStreamReader<RecordBatch> batches, IServerStreamWriter<RecordAck> acks, ServerCallContext context)
        {
            MustProve(context);
            while (await batches.MoveNext(context.CancellationToken))
            {
                var batch = batches.Current;
                var stored = state.Records.GetOrAdd((batch.BuildId, batch.Architecture), _ => []);
                lock (stored)
                {
                    foreach (var record in batch.Records)
                    {
                        if (record.Sequence > stored.Count + 1)
                        {
                            throw new RpcException(new Status(StatusCode.FailedPrecondition, $"gap before {record.Sequence}"));
                        }

                        if (record.Sequence == stored.Count + 1)
                        {
                            stored.Add(record);
                        }
                    }
                }

                if (state.DropAcknowledgement())
                {
                    throw new RpcException(new Status(StatusCode.Unavailable, "the fake dropped an acknowledgement"));
                }

                await acks.WriteAsync(new RecordAck { BuildId = batch.BuildId, Architecture = batch.Architecture, Sequence = stored.Count });
            }
        }

        private static void MustProve(ServerCallContext context)
        {
            var proof = BuilderProof.Read(context.RequestHeaders.GetValue(BuilderProof.Header) ?? "");
            if (proof?.Method != context.Method || proof.Certificate.Issuer != Builders.Certificate.Subject)
            {
                throw new RpcException(new Status(StatusCode.Unauthenticated, "unknown certificate"));
            }
        }
    }
}
