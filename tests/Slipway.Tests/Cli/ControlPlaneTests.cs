using System.Net;
using System.Net.Sockets;
using Depot.Cli;
using Depot.Cli.ControlPlane;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Slipway.BuildKit.Proxies;
using Slipway.Contract.Depot.Cli.V1;
using Slipway.Contract.Depot.Cli.V1Beta1;
using Xunit;

namespace Slipway.Tests.Cli;

/// <summary>The client's side of the Connect protocol, against a real HTTP server.</summary>
public sealed class ControlPlaneTests
{
    public static TheoryData<HttpProtocols> Protocols => [HttpProtocols.Http2, HttpProtocols.Http1];

    [Theory]
    [MemberData(nameof(Protocols))]
    public async Task A_call_carries_what_the_published_client_sends(HttpProtocols protocols)
    {
        await using var server = (await ConnectDouble.StartAsync(protocols)).WithBuild("tcp://x:1");
        await using var api = Api(server.Url);
        var created = await api.CreateBuildAsync(new CreateBuildRequest { ProjectId = "p1" }, Token, CancellationToken.None);
        Assert.Equal("b1", created.BuildId);
        Assert.Equal("p1", created.ProjectId);
        var headers = server.Headers["CreateBuild"];
        Assert.Equal("Bearer t", headers.Authorization);
        Assert.Equal("application/proto", headers.ContentType);
        Assert.Equal("1", headers["connect-protocol-version"]);
        Assert.Equal("depot-cli/test/linux/amd64/ci", headers.UserAgent);
        Assert.Equal("30000", headers["connect-timeout-ms"]);
    }

    [Theory]
    [MemberData(nameof(Protocols))]
    public async Task Calls_share_a_connection_and_do_not_wait_for_each_other(HttpProtocols protocols)
    {
        await using var server = (await ConnectDouble.StartAsync(protocols)).WithBuild("tcp://x:1");
        var release = new TaskCompletionSource();
        server.OnRaw("ListProjects", async (context, _) =>
        {
            await release.Task;
            await ConnectDouble.AnswerAsync(context, new ListProjectsResponse());
        });
        await using var api = Api(server.Url);
        var slow = api.ListProjectsAsync(Token, CancellationToken.None);
        await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => api.FinishBuildAsync(new FinishBuildRequest(), Token, CancellationToken.None)));
        Assert.False(slow.IsCompleted);
        release.SetResult();
        await slow;
    }

    [Theory]
    [InlineData(401, "unauthenticated", "invalid token")]
    [InlineData(403, "permission_denied", "no access to project")]
    [InlineData(404, "not_found", "project not found")]
    public async Task A_refusal_reads_code_and_message(int status, string code, string message)
    {
        await using var server = (await ConnectDouble.StartAsync()).Fails("ListProjects", status, code, message);
        await using var api = Api(server.Url);
        var problem = await Assert.ThrowsAsync<ApiException>(() => api.ListProjectsAsync(Token, CancellationToken.None));
        Assert.Equal($"{code}: {message}", problem.Message);
        Assert.Equal(code, problem.Code);
    }

    [Theory]
    [InlineData(200, "text/html", "<html>", "invalid content-type: \"text/html\"")]
    [InlineData(404, "text/html", "<html>", "unimplemented: 404 Not Found")]
    [InlineData(502, "text/html", "<html>", "unavailable: 502 Bad Gateway")]
    [InlineData(302, "text/html", "", "unknown: 302 Found: it redirects to somewhere else, as sign-in pages of networks and proxies do")]
    [InlineData(200, "application/proto", "\u0001garbage", "not a message of the API")]
    [InlineData(500, "application/json", "{broken", "unknown: 500")]
    [InlineData(401, "application/json", "[]", "unauthenticated: 401")]
    public async Task What_is_no_API_is_named(int status, string type, string body, string expected)
    {
        await using var server = await ConnectDouble.StartAsync();
        server.OnRaw("ListProjects", async (context, _) =>
        {
            context.Response.StatusCode = status;
            context.Response.ContentType = type;
            await context.Response.WriteAsync(body);
        });
        await using var api = Api(server.Url);
        var problem = await Assert.ThrowsAsync<ApiException>(() => api.ListProjectsAsync(Token, CancellationToken.None));
        Assert.Contains(expected, problem.Message);
    }

    [Fact]
    public async Task A_server_that_is_not_there_is_named_with_the_remedy()
    {
        await using var api = Api($"http://127.0.0.1:{FreePort()}");
        var problem = await Assert.ThrowsAsync<ApiException>(() => api.ListProjectsAsync(Token, CancellationToken.None));
        Assert.Matches("^could not reach http://127.0.0.1:[0-9]+: connection refused$", problem.Message);
        Assert.Contains("DEPOT_API_URL", problem.Remedy);
        Assert.True(problem.NothingSent);
    }

    [Fact]
    public async Task A_host_that_does_not_exist_is_named()
    {
        await using var api = Api("http://nowhere.invalid:1");
        var problem = await Assert.ThrowsAsync<ApiException>(() => api.ListProjectsAsync(Token, CancellationToken.None));
        Assert.StartsWith("could not reach http://nowhere.invalid:1: no such host", problem.Message);
    }

    [Fact]
    public async Task A_server_that_speaks_something_else_is_named()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var stop = new CancellationTokenSource();
        var serving = SpeakGarbageAsync(listener, stop.Token);
        await using var api = Api($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}");
        var problem = await Assert.ThrowsAsync<ApiException>(() => api.ListProjectsAsync(Token, CancellationToken.None));
        Assert.Contains("127.0.0.1", problem.Message);
        await stop.CancelAsync();
        await serving;
    }

    [Theory]
    [MemberData(nameof(Protocols))]
    public async Task A_call_that_gets_no_answer_ends_with_its_deadline(HttpProtocols protocols)
    {
        await using var server = await ConnectDouble.StartAsync(protocols);
        server.OnRaw("ListProjects", (context, _) => Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default));
        await using var client = Client(server.Url);
        var problem = await Assert.ThrowsAsync<ApiException>(() => client.CallAsync(
            "x/ListProjects", new ListProjectsRequest(), ListProjectsResponse.Parser, "t", TimeSpan.FromMilliseconds(200), CancellationToken.None));
        Assert.Contains("did not answer within 0.2 s", problem.Message);
    }

    [Fact]
    public async Task A_call_can_be_given_up()
    {
        await using var server = await ConnectDouble.StartAsync();
        var arrived = new TaskCompletionSource();
        server.OnRaw("ListProjects", (context, _) =>
        {
            arrived.SetResult();
            return Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
        });
        await using var api = Api(server.Url);
        using var stop = new CancellationTokenSource();
        var call = api.ListProjectsAsync(Token, stop.Token);
        await arrived.Task;
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
    }

    [Fact]
    public async Task A_server_that_is_away_for_a_moment_is_waited_for()
    {
        await using var server = (await ConnectDouble.StartAsync()).WithBuild("tcp://x:1");
        var tries = 0;
        server.OnRaw("FinishBuild", async (context, _) =>
        {
            if (Interlocked.Increment(ref tries) < 3)
            {
                context.Response.StatusCode = 503;
                return;
            }

            await ConnectDouble.AnswerAsync(context, new FinishBuildResponse());
        });
        await using var api = Api(server.Url);
        await api.FinishBuildAsync(new FinishBuildRequest { BuildId = "b1" }, Token, CancellationToken.None);
        Assert.Equal(3, tries);
    }

    [Fact]
    public async Task A_build_is_not_opened_twice()
    {
        await using var server = await ConnectDouble.StartAsync();
        server.OnRaw("CreateBuild", (context, _) =>
        {
            context.Response.StatusCode = 503;
            return Task.CompletedTask;
        });
        await using var api = Api(server.Url);
        await Assert.ThrowsAsync<ApiException>(() => api.CreateBuildAsync(new CreateBuildRequest(), Token, CancellationToken.None));
        Assert.Single(server.Calls);
    }

    [Fact]
    public async Task A_build_is_opened_by_a_server_that_was_starting()
    {
        var port = FreePort();
        await using var api = Api($"http://127.0.0.1:{port}");
        var creating = api.CreateBuildAsync(new CreateBuildRequest { ProjectId = "p1" }, Token, CancellationToken.None);
        await using var server = (await ConnectDouble.StartAsync(port: port)).WithBuild("tcp://x:1");
        Assert.Equal("b1", (await creating).BuildId);
    }

    [Fact]
    public async Task A_restarted_server_gets_a_new_connection()
    {
        var port = FreePort();
        await using var api = Api($"http://127.0.0.1:{port}");
        await using (var first = (await ConnectDouble.StartAsync(port: port)).WithBuild("tcp://x:1"))
        {
            await api.ListProjectsAsync(Token, CancellationToken.None);
        }

        await using var second = (await ConnectDouble.StartAsync(port: port)).WithBuild("tcp://x:1");
        await api.ListProjectsAsync(Token, CancellationToken.None);
    }

    [Fact]
    public async Task Without_a_project_the_projects_are_named()
    {
        await using var server = (await ConnectDouble.StartAsync()).WithBuild("tcp://x:1").Fails("CreateBuild", 404, "not_found", "project not found");
        await using var api = Api(server.Url);
        var problem = await Assert.ThrowsAsync<CliException>(() => BuildRecord.OpenAsync(
            api, Token, new CreateBuildRequest { ProjectId = "" }, CancellationToken.None));
        Assert.StartsWith("missing project ID", problem.Message);
        Assert.Equal("Your projects: p1 (one)", problem.Remedy);
    }

    private static Credentials Token => Credentials.Of("t", "test");

    private static BuildApi Api(string url) => new(Client(url));

    private static ConnectClient Client(string url)
    {
        var endpoint = ApiEndpoint.Parse(url, "DEPOT_API_URL");
        return new ConnectClient(
            endpoint, ApiTransports.For(endpoint, ProxyRules.None, TimeSpan.FromSeconds(10), TimeProvider.System), "depot-cli/test/linux/amd64/ci", TimeProvider.System);
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static async Task SpeakGarbageAsync(TcpListener listener, CancellationToken cancellation)
    {
        try
        {
            while (true)
            {
                using var socket = await listener.AcceptSocketAsync(cancellation);
                await socket.SendAsync("220 mail.example ESMTP ready, and this is no HTTP at all\r\n"u8.ToArray(), cancellation);
            }
        }
        catch (OperationCanceledException)
        {
            // The test is over.
        }
    }
}
