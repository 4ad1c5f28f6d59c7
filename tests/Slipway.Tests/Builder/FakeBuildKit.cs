using System.Buffers.Binary;
using System.Collections.Concurrent;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Slipway.Builder.Engine;
using Slipway.BuildKit.Control;
using Slipway.BuildKit.Wire.Control;

namespace Slipway.Tests.Builder;

/// <summary>An engine of which the process is a shell's and the voice is this test's: ListWorkers and Status over HTTP/2 on the engine's
/// socket, once the process has made the file <c>up</c>.</summary>
internal sealed class FakeBuildKit : IEngineProgram, IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, WebApplication> _voices = new();

    public string Kind => "fake";

    /// <summary>Starts so far, over all folders.</summary>
    public int Starts;

    public const string Healthy = "touch up; exec sleep 1000";

    /// <summary>What the process does; $1 is the root folder.</summary>
    public string Script { get; set; } = Healthy;

    /// <summary>False: connections are made and nothing is answered.</summary>
    public volatile bool Answers = true;

    /// <summary>The Status stream of a solve.</summary>
    public Func<string, IAsyncEnumerable<StatusResponse>> Status { get; set; } = _ => AsyncEnumerable.Empty<StatusResponse>();

    public Task<EngineFacts> CheckAsync(CancellationToken cancellation) =>
        Task.FromResult(new EngineFacts("1.2.3", [MachineArchitecture.Name]));

    public async Task<EngineLaunch?> PrepareAsync(EngineFolder folder, CacheBudget budget, CancellationToken cancellation)
    {
        Interlocked.Increment(ref Starts);
        File.Delete(Path.Combine(folder.Run, "up"));
        if (_voices.TryRemove(folder.Socket, out var old))
        {
            await old.DisposeAsync();
        }

        var voice = Speak(folder.Socket);
        _voices[folder.Socket] = voice;
        await voice.StartAsync(cancellation);
        return new EngineLaunch("/bin/sh", ["-c", Script, "containerd", folder.Root]) { StartLimit = TimeSpan.FromSeconds(20) };
    }

    public Task<Stream> ConnectAsync(EngineFolder folder, CancellationToken cancellation) =>
        EngineTransport.ConnectAsync(folder.Address, dockerUpgrade: false, cancellation);

    public Task CleanUpAsync(EngineFolder folder, CancellationToken cancellation) => Task.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        foreach (var voice in _voices.Values)
        {
            await voice.DisposeAsync();
        }
    }

    private WebApplication Speak(string socket)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromMilliseconds(100));
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.ListenUnixSocket(socket, listen => listen.Protocols = HttpProtocols.Http2));
        var app = builder.Build();
        app.MapPost("/moby.buildkit.v1.Control/ListWorkers", context => ListWorkersAsync(context, Path.Combine(Path.GetDirectoryName(socket)!, "up")));
        app.MapPost("/moby.buildkit.v1.Control/Status", StatusAsync);
        return app;
    }

    private async Task ListWorkersAsync(HttpContext context, string up)
    {
        await ReadAsync(context);
        if (!File.Exists(up))
        {
            context.Response.AppendTrailer("grpc-status", "14");
            return;
        }

        if (!Answers)
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, context.RequestAborted);
        }

        await WriteAsync(context, new ListWorkersResponse { Record = { new WorkerRecord { ID = "w" } } });
        context.Response.AppendTrailer("grpc-status", "0");
    }

    private async Task StatusAsync(HttpContext context)
    {
        var request = StatusRequest.Parser.ParseFrom(await ReadAsync(context));
        await foreach (var status in Status(request.Ref).WithCancellation(context.RequestAborted))
        {
            await WriteAsync(context, status);
        }

        context.Response.AppendTrailer("grpc-status", "0");
    }

    private static async Task<byte[]> ReadAsync(HttpContext context)
    {
        var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body, context.RequestAborted);
        context.Response.ContentType = "application/grpc";
        return body.ToArray()[5..];
    }

    private static async Task WriteAsync(HttpContext context, IMessage message)
    {
        var frame = new byte[5 + message.CalculateSize()];
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), frame.Length - 5);
        message.WriteTo(frame.AsSpan(5));
        await context.Response.Body.WriteAsync(frame, context.RequestAborted);
        await context.Response.Body.FlushAsync(context.RequestAborted);
    }
}
