using System.IO.Compression;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Google.Protobuf;
using Grpc.Core;
using Slipway.Contract;
using Slipway.Contract.Connect;
using Slipway.Contract.Depot.Cli.V1;
using Slipway.Contract.Depot.Cli.V1Beta1;
using Slipway.Tests.Server.Support;
using Xunit;

namespace Slipway.Tests.Server;

/// <summary>One port: Connect and gRPC, HTTP/1.1 and HTTP/2 with prior knowledge; and the same behind TLS.</summary>
public sealed class ProtocolTests
{
    private const string ListProjects = "/depot.cli.v1beta1.ProjectsService/ListProjects";
    private const string CreateBuild = "/depot.cli.v1.BuildService/CreateBuild";
    private const string ReportStatus = "/depot.cli.v1.BuildService/ReportStatusStream";
    private const string ReadLog = "/slipway.admin.v1.AdminService/ReadBuildLog";

    public static TheoryData<string> Versions => ["1.1", "2.0"];

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task A_unary_Connect_call_in_proto(string version)
    {
        await using var server = await TestServer.StartAsync();
        using var http = server.Http(Version.Parse(version), server.Owner);

        using var answer = await http.PostAsync(ListProjects, Body("application/proto", []));

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal("application/proto", answer.Content.Headers.ContentType!.ToString());
        var projects = ListProjectsResponse.Parser.ParseFrom(await answer.Content.ReadAsByteArrayAsync());
        Assert.Equal(server.First.ProjectId, Assert.Single(projects.Projects).Id);
        Assert.DoesNotContain(answer.Headers, header => header.Key.StartsWith("grpc", StringComparison.OrdinalIgnoreCase));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task A_unary_Connect_call_in_JSON(string version)
    {
        await using var server = await TestServer.StartAsync();
        using var http = server.Http(Version.Parse(version), server.Owner);

        using var answer = await http.PostAsync(CreateBuild, Json($"{{\"projectId\":\"{server.First.ProjectId}\",\"unknown\":1}}"));

        Assert.Equal("application/json", answer.Content.Headers.ContentType!.MediaType);
        using var made = JsonDocument.Parse(await answer.Content.ReadAsStringAsync());
        Assert.StartsWith("slpb_", made.RootElement.GetProperty("buildToken").GetString());
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task A_failed_Connect_call_has_its_code_as_status_and_JSON(string version)
    {
        await using var server = await TestServer.StartAsync();
        using var http = server.Http(Version.Parse(version));

        using var answer = await http.PostAsync(ListProjects, Body("application/proto", []));

        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
        Assert.Equal("application/json", answer.Content.Headers.ContentType!.MediaType);
        Assert.Equal(
            "{\"code\":\"unauthenticated\",\"message\":\"no token was sent; set DEPOT_TOKEN or run \\\"depot login\\\"\"}",
            await answer.Content.ReadAsStringAsync());
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task A_large_answer_is_compressed_for_who_accepts_it(string version)
    {
        await using var server = await TestServer.StartAsync();
        for (var i = 0; i < 40; i++)
        {
            await server.Admin().CreateProjectAsync(new() { Name = $"project {i}" });
        }

        using var http = server.Http(Version.Parse(version), server.Owner);
        using var request = new HttpRequestMessage(HttpMethod.Post, ListProjects)
        {
            Content = Body("application/proto", []), Version = Version.Parse(version), VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        request.Headers.AcceptEncoding.ParseAdd("gzip");

        using var answer = await http.SendAsync(request);

        Assert.Equal("gzip", answer.Content.Headers.ContentEncoding.Single());
        await using var plain = new GZipStream(await answer.Content.ReadAsStreamAsync(), CompressionMode.Decompress);
        Assert.Equal(41, ListProjectsResponse.Parser.ParseFrom(plain).Projects.Count);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task A_compressed_request_is_read(string version)
    {
        await using var server = await TestServer.StartAsync();
        using var http = server.Http(Version.Parse(version), server.Owner);
        var message = new CreateBuildRequest { ProjectId = server.First.ProjectId }.ToByteArray();

        using var answer = await http.PostAsync(CreateBuild, Gzip(message));

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    [Fact]
    public async Task A_small_body_that_unpacks_to_a_large_message_is_refused()
    {
        await using var server = await TestServer.StartAsync();
        using var http = server.Http(HttpVersion.Version11, server.Owner);

        using var answer = await http.PostAsync(CreateBuild, Gzip(new byte[Limits.MessageBytesMax + 1]));

        Assert.Equal((HttpStatusCode)429, answer.StatusCode);
        Assert.Contains("resource_exhausted", await answer.Content.ReadAsStringAsync());
    }

    [Theory]
    [InlineData("application/proto", "\u00ff\u00ff\u00ff")]
    [InlineData("application/json", "{\"projectId\":")]
    [InlineData("application/json", "{\"projectId\":{}}")]
    [InlineData("application/json", "[1]")]
    public async Task A_damaged_message_is_an_invalid_argument(string type, string text)
    {
        await using var server = await TestServer.StartAsync();
        using var http = server.Http(HttpVersion.Version11, server.Owner);

        using var answer = await http.PostAsync(CreateBuild, Body(type, Encoding.Latin1.GetBytes(text)));

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Contains("\"invalid_argument\"", await answer.Content.ReadAsStringAsync());
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task An_unknown_method_is_unimplemented(string version)
    {
        await using var server = await TestServer.StartAsync();
        using var http = server.Http(Version.Parse(version), server.Owner);

        using var answer = await http.PostAsync("/depot.cli.v1.BuildService/Nope", Body("application/proto", []));

        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        Assert.Contains("\"unimplemented\"", await answer.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Another_version_of_the_protocol_is_refused()
    {
        await using var server = await TestServer.StartAsync();
        using var http = server.Http(HttpVersion.Version11, server.Owner);
        http.DefaultRequestHeaders.Add("connect-protocol-version", "2");

        using var answer = await http.PostAsync(ListProjects, Body("application/proto", []));

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
    }

    [Fact]
    public async Task A_callers_deadline_ends_the_call()
    {
        await using var server = await TestServer.StartAsync();
        await using var builder = await FakeBuilder.AttachedAsync(server);
        builder.AnswersStart = false;
        var (build, token) = await server.CreateBuildAsync();
        using var http = server.Http(HttpVersion.Version20, token);
        http.DefaultRequestHeaders.Add("connect-timeout-ms", "200");
        var request = new GetBuildKitConnectionRequest { BuildId = build, Platform = BuilderPlatform.Amd64 };

        using var answer = await http.PostAsync("/depot.cli.v1.BuildService/GetBuildKitConnection", Body("application/proto", request.ToByteArray()));

        Assert.Equal(HttpStatusCode.GatewayTimeout, answer.StatusCode);
        Assert.Contains("deadline_exceeded", await answer.Content.ReadAsStringAsync());
    }

    [Theory]
    [InlineData("1.1", "proto", false)]
    [InlineData("2.0", "proto", false)]
    [InlineData("1.1", "json", false)]
    [InlineData("2.0", "json", false)]
    [InlineData("2.0", "proto", true)]
    [InlineData("1.1", "json", true)]
    public async Task A_client_stream_of_Connect_ends_with_its_envelope(string version, string codec, bool compressed)
    {
        await using var server = await TestServer.StartAsync();
        var (build, token) = await server.CreateBuildAsync();
        using var http = server.Http(Version.Parse(version), token);
        var message = codec == "proto"
            ? new ReportStatusStreamRequest { BuildId = build }.ToByteArray()
            : Encoding.UTF8.GetBytes($"{{\"buildId\":\"{build}\"}}");
        var frame = compressed ? Envelope.Frame(Envelope.Compressed, Pack(message)) : Envelope.Frame(0, message);
        var content = Body($"application/connect+{codec}", [.. frame, .. frame]);
        content.Headers.Add("connect-content-encoding", compressed ? "gzip" : "identity");

        using var answer = await http.PostAsync(ReportStatus, content);

        Assert.Equal($"application/connect+{codec}", answer.Content.Headers.ContentType!.ToString());
        var envelopes = await EnvelopesAsync(answer);
        Assert.Equal([0, Envelope.EndOfStream], envelopes.Select(envelope => envelope.Flags));
        Assert.Equal("{}", Encoding.UTF8.GetString(envelopes[1].Payload));
    }

    [Theory]
    [InlineData("1.1", "proto")]
    [InlineData("2.0", "json")]
    public async Task A_stream_that_fails_says_so_in_its_last_envelope(string version, string codec)
    {
        await using var server = await TestServer.StartAsync();
        using var http = server.Http(Version.Parse(version));

        using var answer = await http.PostAsync(ReportStatus, Body($"application/connect+{codec}", []));

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        var end = Assert.Single(await EnvelopesAsync(answer));
        Assert.Equal(Envelope.EndOfStream, end.Flags);
        Assert.StartsWith("{\"error\":{\"code\":\"unauthenticated\"", Encoding.UTF8.GetString(end.Payload));
    }

    [Theory]
    [InlineData("1.1", "proto")]
    [InlineData("2.0", "proto")]
    [InlineData("1.1", "json")]
    [InlineData("2.0", "json")]
    public async Task A_server_stream_of_Connect_has_its_messages_and_its_end(string version, string codec)
    {
        await using var server = await TestServer.StartAsync();
        await using var builder = await FakeBuilder.AttachedAsync(server);
        var build = await RecordTests.BuildWithLinesAsync(server, builder, 3);
        using var http = server.Http(Version.Parse(version), server.Owner);
        var message = codec == "proto"
            ? new Slipway.Contract.Admin.V1.ReadBuildLogRequest { BuildId = build }.ToByteArray()
            : Encoding.UTF8.GetBytes($"{{\"buildId\":\"{build}\"}}");

        using var answer = await http.PostAsync(ReadLog, Body($"application/connect+{codec}", Envelope.Frame(0, message)));

        var envelopes = await EnvelopesAsync(answer);
        Assert.Equal([0, 0, 0, Envelope.EndOfStream], envelopes.Select(envelope => (int)envelope.Flags));
        var last = codec == "proto"
            ? Slipway.Contract.Admin.V1.BuildLogLine.Parser.ParseFrom(envelopes[2].Payload)
            : Slipway.Contract.Admin.V1.BuildLogLine.Parser.ParseJson(Encoding.UTF8.GetString(envelopes[2].Payload));
        Assert.Equal("line 3", last.Line);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Native_gRPC_works_on_the_same_port(bool tls)
    {
        await using var server = await TestServer.StartAsync(tls: tls);
        var projects = await new ProjectsService.ProjectsServiceClient(server.Invoker(server.Owner)).ListProjectsAsync(new ListProjectsRequest());
        var refused = await Assert.ThrowsAsync<RpcException>(async () =>
            await new ProjectsService.ProjectsServiceClient(server.Invoker(null)).ListProjectsAsync(new ListProjectsRequest()));

        Assert.Single(projects.Projects);
        Assert.Equal(StatusCode.Unauthenticated, refused.StatusCode);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task TLS_agrees_on_either_version_of_HTTP(string version)
    {
        await using var server = await TestServer.StartAsync(tls: true);
        using var handler = new SocketsHttpHandler();
        handler.SslOptions.RemoteCertificateValidationCallback = (_, _, _, _) => true;
        using var http = new HttpClient(handler);
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(server.Url, "/healthz"))
        {
            Version = Version.Parse(version), VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };

        using var answer = await http.SendAsync(request);

        Assert.Equal(Version.Parse(version), answer.Version);
        Assert.Equal("ok\n", await answer.Content.ReadAsStringAsync());
    }

    [Theory]
    [InlineData("/healthz", "ok")]
    [InlineData("/readyz", "ready")]
    [InlineData("/metrics", "slipway_builders_connected 0")]
    [InlineData("/", "Slipway server")]
    [InlineData("/builds/b%3Cscript%3E", "value=\"/builds/b%3Cscript%3E\"")]
    public async Task Plain_pages_answer_on_both_versions(string path, string expected)
    {
        await using var server = await TestServer.StartAsync();
        foreach (var version in new[] { HttpVersion.Version11, HttpVersion.Version20 })
        {
            using var http = server.Http(version);
            Assert.Contains(expected, await http.GetStringAsync(new Uri(path, UriKind.Relative)));
        }
    }

    [Fact]
    public async Task A_preface_that_comes_byte_by_byte_is_recognised()
    {
        await using var server = await TestServer.StartAsync();
        using var socket = new TcpClient { NoDelay = true };
        await socket.ConnectAsync(IPAddress.Loopback, server.Url.Port);
        foreach (var letter in "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray())
        {
            await socket.GetStream().WriteAsync(new[] { letter });
        }

        // An empty SETTINGS frame; the server's own comes first.
        await socket.GetStream().WriteAsync(new byte[] { 0, 0, 0, 4, 0, 0, 0, 0, 0 });
        var header = new byte[9];
        await socket.GetStream().ReadExactlyAsync(header);
        Assert.Equal(4, header[3]);
    }

    [Fact]
    public async Task A_request_that_begins_like_the_preface_is_still_a_request()
    {
        await using var server = await TestServer.StartAsync();
        using var socket = new TcpClient { NoDelay = true };
        await socket.ConnectAsync(IPAddress.Loopback, server.Url.Port);
        await socket.GetStream().WriteAsync("P"u8.ToArray());
        await socket.GetStream().WriteAsync("UT /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"u8.ToArray());
        using var reader = new StreamReader(socket.GetStream());
        Assert.StartsWith("HTTP/1.1 405", await reader.ReadToEndAsync());
    }

    [Fact]
    public async Task A_client_that_stops_in_the_preface_is_disconnected()
    {
        var clock = new Microsoft.Extensions.Time.Testing.FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var server = await TestServer.StartAsync(clock);
        using var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, server.Url.Port);
        await socket.GetStream().WriteAsync("PRI * HT"u8.ToArray());
        var closed = ClosedAsync(socket.GetStream());

        // Until the server has begun to wait, time passes for nothing.
        await TestWait.UntilAsync(() =>
        {
            clock.Advance(TimeSpan.FromSeconds(10));
            return closed.IsCompleted;
        });

        Assert.True(await closed);
    }

    private static async Task<bool> ClosedAsync(NetworkStream stream)
    {
        try
        {
            return await stream.ReadAsync(new byte[1]) == 0;
        }
        catch (IOException)
        {
            return true;
        }
    }

    private static ByteArrayContent Body(string type, byte[] bytes)
    {
        var content = new ByteArrayContent(bytes);
        content.Headers.TryAddWithoutValidation("content-type", type);
        return content;
    }

    private static ByteArrayContent Json(string text) => Body("application/json; charset=utf-8", Encoding.UTF8.GetBytes(text));

    private static ByteArrayContent Gzip(byte[] plain)
    {
        var content = Body("application/proto", Pack(plain));
        content.Headers.ContentEncoding.Add("gzip");
        return content;
    }

    private static byte[] Pack(byte[] plain)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionMode.Compress))
        {
            gzip.Write(plain);
        }

        return packed.ToArray();
    }

    private static async Task<List<(byte Flags, byte[] Payload)>> EnvelopesAsync(HttpResponseMessage answer)
    {
        var rest = new System.Buffers.ReadOnlySequence<byte>(await answer.Content.ReadAsByteArrayAsync());
        var found = new List<(byte, byte[])>();
        while (Envelope.TryRead(ref rest, int.MaxValue, out var envelope))
        {
            found.Add((envelope.Flags, System.Buffers.BuffersExtensions.ToArray(envelope.Payload)));
        }

        Assert.True(rest.IsEmpty);
        return found;
    }
}
