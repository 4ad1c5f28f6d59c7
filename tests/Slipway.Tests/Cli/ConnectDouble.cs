using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Slipway.Contract.Depot.Cli.V1;
using Slipway.Contract.Depot.Cli.V1Beta1;

namespace Slipway.Tests.Cli;

/// <summary>A control plane that speaks the Connect protocol on a real socket and answers what a test tells it to.</summary>
internal sealed class ConnectDouble : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ConcurrentDictionary<string, Func<HttpContext, byte[], Task>> _handlers = new();

    private ConnectDouble(WebApplication app) => _app = app;

    public string Url { get; private set; } = "";

    /// <summary>Every call, in the order of arrival: the procedure's last part.</summary>
    public ConcurrentQueue<string> Calls { get; } = new();

    public ConcurrentDictionary<string, IHeaderDictionary> Headers { get; } = new();

    public static async Task<ConnectDouble> StartAsync(HttpProtocols protocols = HttpProtocols.Http2, int port = 0, X509Certificate2? certificate = null)
    {
        var builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, port, listen =>
        {
            listen.Protocols = protocols;
            if (certificate is not null)
            {
                listen.UseHttps(certificate);
            }
        }));
        var app = builder.Build();
        var server = new ConnectDouble(app);
        app.Run(server.ServeAsync);
        await app.StartAsync();
        server.Url = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        return server;
    }

    /// <summary>Answers a procedure with a message.</summary>
    public ConnectDouble On<TRequest>(string procedure, MessageParser<TRequest> parser, Func<TRequest, IMessage> answer)
        where TRequest : IMessage<TRequest> => OnRaw(procedure, (context, body) => AnswerAsync(context, answer(parser.ParseFrom(body))));

    public ConnectDouble OnRaw(string procedure, Func<HttpContext, byte[], Task> answer)
    {
        _handlers[procedure] = answer;
        return this;
    }

    public ConnectDouble Fails(string procedure, int status, string code, string message) => OnRaw(procedure, async (context, _) =>
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json";
        await context.Response.WriteAsync($$"""{"code":"{{code}}","message":"{{message}}","details":[]}""");
    });

    public static async Task AnswerAsync(HttpContext context, IMessage message)
    {
        context.Response.ContentType = "application/proto";
        await context.Response.Body.WriteAsync(message.ToByteArray());
    }

    /// <summary>A build that finds its builder at once.</summary>
    public ConnectDouble WithBuild(string builder) => this
        .On("CreateBuild", CreateBuildRequest.Parser, request => new CreateBuildResponse
        {
            BuildId = "b1",
            BuildToken = "build-token",
            BuildUrl = "http://server/builds/b1",
            ProjectId = request.ProjectId,
        })
        .On("ReportBuildHealth", ReportBuildHealthRequest.Parser, _ => new ReportBuildHealthResponse())
        .On("GetBuildKitConnection", GetBuildKitConnectionRequest.Parser, _ => new GetBuildKitConnectionResponse
        {
            Active = new() { Endpoint = builder, ServerName = "builder.local" },
        })
        .On("FinishBuild", FinishBuildRequest.Parser, _ => new FinishBuildResponse())
        .On("ListProjects", ListProjectsRequest.Parser, _ => new ListProjectsResponse { Projects = { new ListProjectsResponse.Types.Project { Id = "p1", Name = "one", OrgName = "org" } } });

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync(new CancellationToken(canceled: true));
        await _app.DisposeAsync();
    }

    private async Task ServeAsync(HttpContext context)
    {
        var procedure = context.Request.Path.Value!.Split('/')[^1];
        Calls.Enqueue(procedure);
        // Kestrel reuses its own dictionary for the next request.
        Headers[procedure] = new HeaderDictionary(context.Request.Headers.ToDictionary(header => header.Key, header => header.Value));
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body, context.RequestAborted);
        if (_handlers.TryGetValue(procedure, out var handler))
        {
            await handler(context, body.ToArray());
        }
        else
        {
            context.Response.StatusCode = 404;
        }
    }
}
