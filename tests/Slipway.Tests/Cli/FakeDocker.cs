using System.Collections.Concurrent;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Http2;
using Slipway.BuildKit.Wire.Content;

namespace Slipway.Tests.Cli;

/// <summary>The calls of the Docker API that loading needs: what kind of store there is, what is in it, and the import.</summary>
internal sealed class FakeDocker : IAsyncDisposable
{
    public const string GraphDriver = """{"Driver":"overlay2","DriverStatus":[["Backing Filesystem","extfs"]]}""";
    public const string Containerd = """{"Driver":"overlayfs","DriverStatus":[["driver-type","io.containerd.snapshotter.v1"]]}""";

    private readonly WebApplication _app;

    private FakeDocker(WebApplication app) => _app = app;

    /// <summary>The archives that were sent, in order.</summary>
    public List<byte[]> Loaded { get; } = [];

    /// <summary>What is said at the end of each import.</summary>
    public Queue<string> Answers { get; } = [];

    /// <summary>What containerd's content store has.</summary>
    public ConcurrentDictionary<string, bool> Blobs { get; } = new(StringComparer.Ordinal);

    /// <summary>The classic store's images: the contents of their layers.</summary>
    public List<string[]> Images { get; } = [];

    public bool Refuses { get; set; }

    public static async Task<FakeDocker> StartAsync(string socket, string info)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.ListenUnixSocket(socket);
            kestrel.Limits.MaxRequestBodySize = null;
        });
        var app = builder.Build();
        var docker = new FakeDocker(app);
        app.MapGet("/info", () => Results.Text(info, "application/json"));
        app.MapPost("/images/load", docker.LoadAsync);
        app.MapPost("/grpc", docker.ServeContentAsync);
        app.MapGet("/images/json", () => Results.Text(
            $"[{string.Join(',', docker.Images.Select((_, i) => $"{{\"Id\":\"image{i}\"}}"))}]", "application/json"));
        app.MapGet("/images/{id}/json", (string id) => Results.Text(
            $"{{\"RootFS\":{{\"Layers\":[{string.Join(',', docker.Images[int.Parse(id["image".Length..])].Select(layer => $"\"{layer}\""))}]}}}}", "application/json"));
        await app.StartAsync();
        return docker;
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync(new CancellationToken(canceled: true));
        await _app.DisposeAsync();
    }

    private async Task LoadAsync(HttpContext context)
    {
        if (Refuses)
        {
            context.Response.StatusCode = 500;
            await context.Response.WriteAsync("""{"message":"disk full"}""");
            return;
        }

        // The real daemon sends its headers before it has read the archive.
        await context.Response.StartAsync();
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body);
        Loaded.Add(body.ToArray());
        await context.Response.Body.WriteAsync(Encoding.UTF8.GetBytes((Answers.TryDequeue(out var answer) ? answer : "{}") + "\r\n"));
    }

    private async Task ServeContentAsync(HttpContext context)
    {
        context.Response.Headers.Upgrade = "h2c";
        await using var stream = await context.Features.GetRequiredFeature<IHttpUpgradeFeature>().UpgradeAsync();
        var methods = new Dictionary<string, GrpcHandler> { ["/containerd.services.content.v1.Content/Info"] = AnswerInfoAsync };
        await new GrpcServer(methods).ServeAsync(stream, new Http2Options(), context.RequestAborted);
    }

    private async Task AnswerInfoAsync(GrpcServerCall call, CancellationToken cancellation)
    {
        var request = (await call.ReadMessageAsync(InfoRequest.Parser, cancellation))!;
        if (!Blobs.ContainsKey(request.Digest))
        {
            throw new GrpcStatusException(GrpcStatusCode.NotFound, $"content {request.Digest}: not found");
        }

        await call.WriteMessageAsync(new InfoResponse { Info = new Info { Digest = request.Digest } }, cancellation);
    }
}
