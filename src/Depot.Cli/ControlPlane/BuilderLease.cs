using System.Collections.Concurrent;
using System.Globalization;
using Slipway.BuildKit.Compression;
using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Progress;
using Slipway.BuildKit.Proxies;
using Slipway.BuildKit.Session;
using Slipway.Contract.Depot.Cli.V1;

namespace Depot.Cli.ControlPlane;

/// <summary>One builder for the time of one build: asked for, waited for, connected, with the sessions on its connection.</summary>
internal sealed class BuilderLease : IAsyncDisposable
{
    private static readonly TimeSpan WaitMax = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan PollMin = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan PollMax = TimeSpan.FromSeconds(5);

    /// <summary>A builder that was just started may accept connections a moment after the server heard of it.</summary>
    private static readonly TimeSpan ConnectFor = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan ConnectPause = TimeSpan.FromMilliseconds(500);

    private readonly HealthWatch _health;
    private readonly ConcurrentBag<BuildSession> _sessions = [];

    private readonly GetBuildKitConnectionResponse.Types.ActiveConnection _machine;
    private readonly ProxyRules _proxies;
    private readonly TimeProvider _clock;

    private BuilderLease(
        HealthWatch health, string architecture, GetBuildKitConnectionResponse.Types.ActiveConnection machine, GrpcChannel channel, ProxyRules proxies, TimeProvider clock)
    {
        (_health, _machine, _proxies, _clock) = (health, machine, proxies, clock);
        Architecture = architecture;
        Engine = $"{machine.Endpoint} {machine.ServerName}";
        Channel = channel;
    }

    /// <summary>The architecture that was asked for.</summary>
    public string Architecture { get; }

    /// <summary>Leases with the same value lead to one engine with one cache: it serves several architectures.</summary>
    public string Engine { get; }

    /// <summary>The builder's address, for error texts.</summary>
    public string Endpoint => _machine.Endpoint;

    /// <summary>The connection to the builder's BuildKit.</summary>
    public GrpcChannel Channel { get; }

    public CancellationToken CanceledByServer => _health.CanceledByServer;

    public static async Task<BuilderLease> AcquireAsync(
        BuildApi api, BuildRecord record, string architecture, VertexWriter progress, ProxyRules proxies, TimeProvider clock, CancellationToken cancellation)
    {
        var platform = architecture == "arm64" ? BuilderPlatform.Arm64 : BuilderPlatform.Amd64;
        var health = new HealthWatch(api, record, platform, clock);
        try
        {
            using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, health.CanceledByServer);
            var (machine, channel) = await AcquireAsync(api, record, platform, architecture, progress, proxies, clock, either.Token);
            return new BuilderLease(health, architecture, machine, channel, proxies, clock);
        }
        catch (OperationCanceledException) when (health.CanceledByServer.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            await health.DisposeAsync();
            throw CanceledError();
        }
        catch
        {
            await health.DisposeAsync();
            throw;
        }
    }

    /// <summary>The error of a build that the server ended.</summary>
    public static CliException CanceledError() => new("build canceled by the server")
    {
        Remedy = "Somebody cancelled it, or the server lost sight of its builder; the build's page tells which.",
    };

    /// <summary>Opens a session on the connection. It stays open as long as the lease: other Solves may refer to it.</summary>
    public async Task OpenSessionAsync(string id, string sharedKey, IReadOnlyList<IAttachable> attachables, CompressionMode compression, CancellationToken cancellation) =>
        _sessions.Add(await BuildSession.OpenAsync(Channel, id, sharedKey, attachables, compression, cancellation));

    /// <summary>Another connection to the same builder for the same build, for a client that brings its own HTTP/2.</summary>
    public Task<Stream> DialAsync(CancellationToken cancellation) => BuilderDial.OpenAsync(_machine, _proxies, line: null, _clock, cancellation);

    public async ValueTask DisposeAsync()
    {
        foreach (var session in _sessions)
        {
            await session.DisposeAsync();
        }

        await Channel.DisposeAsync();
        await _health.DisposeAsync();
    }

    private static async Task<(GetBuildKitConnectionResponse.Types.ActiveConnection Machine, GrpcChannel Channel)> AcquireAsync(
        BuildApi api, BuildRecord record, BuilderPlatform platform, string architecture, VertexWriter progress, ProxyRules proxies, TimeProvider clock, CancellationToken cancellation)
    {
        var machine = await progress.RunAsync($"[depot] launching {architecture} machine",
            _ => WaitForMachineAsync(api, record, platform, architecture, clock, cancellation));
        if (machine.EmulatedOn.Length > 0)
        {
            progress.Start($"[depot] emulating {architecture} on an {machine.EmulatedOn} machine").Complete();
        }

        var channel = await progress.RunAsync($"[depot] connecting to {architecture} machine", _ => ConnectAsync(machine, proxies, clock, cancellation));
        return (machine, channel);
    }

    private static async Task<GetBuildKitConnectionResponse.Types.ActiveConnection> WaitForMachineAsync(
        BuildApi api, BuildRecord record, BuilderPlatform platform, string architecture, TimeProvider clock, CancellationToken cancellation)
    {
        var request = new GetBuildKitConnectionRequest { BuildId = record.Id, Platform = platform };
        var start = clock.GetTimestamp();
        while (true)
        {
            var answer = await api.GetConnectionAsync(request, record.Token, cancellation);
            if (answer.Active is { } active)
            {
                return active;
            }

            if (clock.GetElapsedTime(start) > WaitMax)
            {
                throw new CliException(string.Create(CultureInfo.InvariantCulture, $"no {architecture} machine became ready within {WaitMax.TotalMinutes:0} minutes"))
                {
                    Remedy = $"Ask the operator of {api.Endpoint.Text}: `slipway admin builder list` shows the machines and what they do.",
                };
            }

            // An answer that names no time must not become a busy loop.
            var pause = TimeSpan.FromMilliseconds(answer.Pending?.WaitMs ?? 0);
            await Task.Delay(pause < PollMin ? PollMin : pause > PollMax ? PollMax : pause, clock, cancellation);
        }
    }

    private static async Task<GrpcChannel> ConnectAsync(
        GetBuildKitConnectionResponse.Types.ActiveConnection machine, ProxyRules proxies, TimeProvider clock, CancellationToken cancellation)
    {
        var start = clock.GetTimestamp();
        while (true)
        {
            try
            {
                return await BuilderDial.ConnectAsync(machine, proxies, clock, cancellation);
            }
            catch (BuilderUnreachableException problem)
            {
                if (!problem.MayPass || clock.GetElapsedTime(start) > ConnectFor)
                {
                    throw new CliException(problem.Message, inner: problem)
                    {
                        Remedy = "The build travels from this machine to the builder's own port: check its --builder-listen address and the firewalls between.",
                    };
                }

                await Task.Delay(ConnectPause, clock, cancellation);
            }
        }
    }
}
