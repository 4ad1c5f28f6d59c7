using System.Collections.Concurrent;
using System.Text;
using System.Text.Json.Nodes;
using Depot.Cli.Settings;
using Google.Protobuf.WellKnownTypes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Slipway.Contract.Depot.Build.V1;
using Slipway.Contract.Depot.Cli.V1;
using Xunit;

namespace Slipway.Tests.Cli;

/// <summary>`depot pull`, `pull-token` and `image`, against servers that answer what a test tells them to.</summary>
public sealed class SavedImageTests : IAsyncLifetime
{
    private const string Socket = "docker.sock";
    private readonly CliScene _scene = new();
    private readonly ConcurrentQueue<string> _docker = new();
    private readonly ConcurrentQueue<GetPullTokenRequest> _tokens = new();
    private ConnectDouble _server = null!;
    private WebApplication _daemon = null!;

    /// <summary>What Docker says of a pull.</summary>
    private string _progress = """{"status":"Pulling from p1","id":"1"}""" + "\n" + """{"status":"Downloading","id":"aa","progressDetail":{"current":1,"total":2}}""" + "\n";

    public async ValueTask InitializeAsync()
    {
        _server = await ConnectDouble.StartAsync();
        _server.On("GetPullToken", GetPullTokenRequest.Parser, request =>
        {
            _tokens.Enqueue(request);
            return new GetPullTokenResponse { Token = "slpr_x", RegistryHost = "r.example.com" };
        });
        _server.Fails("GetPullInfo", 403, "permission_denied", "no access to build");
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.ListenUnixSocket(Path.Combine(_scene.Folder, Socket)));
        _daemon = builder.Build();
        _daemon.MapGet("/info", () => Results.Text("{}", "application/json"));
        _daemon.MapPost("/images/create", async (HttpContext http) =>
        {
            var login = JsonNode.Parse(Convert.FromBase64String(http.Request.Headers["X-Registry-Auth"].ToString().Replace('-', '+').Replace('_', '/')))!;
            _docker.Enqueue($"pull {http.Request.Query["fromImage"]}{http.Request.Query["platform"]} as {login["username"]}:{login["password"]}@{login["serveraddress"]}");
            await http.Response.WriteAsync(_progress);
        });
        _daemon.MapPost("/images/{**name}", (HttpContext http, string name) =>
        {
            _docker.Enqueue($"tag {name} {http.Request.Query["repo"]}:{http.Request.Query["tag"]}");
            return Results.StatusCode(201);
        });
        await _daemon.StartAsync();
        _scene.Settings = new CliSettings(name => name switch
        {
            "DEPOT_API_URL" => _server.Url,
            "DEPOT_TOKEN" => "secret",
            "DEPOT_PROJECT_ID" => "p1",
            "DOCKER_HOST" => $"unix://{_scene.Folder}/{Socket}",
            _ => null,
        });
    }

    public async ValueTask DisposeAsync()
    {
        await _daemon.DisposeAsync();
        await _server.DisposeAsync();
        _scene.Dispose();
    }

    [Theory]
    [InlineData("p2:v1 -t mine", "p2", "pull r.example.com/p2:v1 as x-token:slpr_x@r.example.com", "tag r.example.com/p2:v1/tag docker.io/library/mine:latest")]
    [InlineData("registry.depot.dev/p2:v1", "p2", "pull r.example.com/p2:v1 as x-token:slpr_x@r.example.com")]
    [InlineData("eu.registry.depot.dev/p2:v1", "p2", "pull r.example.com/p2:v1 as x-token:slpr_x@r.example.com")]
    [InlineData("r.example.com/p2:v1 --platform linux/arm64", "p2", "pull r.example.com/p2:v1linux/arm64 as x-token:slpr_x@r.example.com")]
    [InlineData("nightly --project p3", "p3", "pull r.example.com/p3:nightly as x-token:slpr_x@r.example.com")]
    public async Task An_image_is_named_by_its_tag(string words, string project, params string[] expected)
    {
        var (exitCode, output, error) = await _scene.RunAsync(["pull", .. words.Split(' ')]);
        Assert.True(exitCode == 0, error);
        Assert.Equal(("", project), (output, Assert.Single(_tokens).ProjectId));
        Assert.Equal(expected, _docker);
    }

    [Fact]
    public async Task A_build_is_pulled_under_the_names_that_it_had()
    {
        Saves(new BuildOptions { Save = true, Tags = { "app:1", "other/app" } });
        Assert.Equal(0, (await _scene.RunAsync(["pull", "b1"])).ExitCode);
        Assert.Equal(
            ["pull r.example.com/p1:b1 as x-token:slpr_y@r.example.com", "tag r.example.com/p1:b1/tag docker.io/library/app:1", "tag r.example.com/p1:b1/tag docker.io/other/app:latest"], _docker);
    }

    [Fact]
    public async Task The_targets_of_a_bake_are_pulled_each_under_names_of_its_own()
    {
        Saves(Baked("one"), Baked("two"));
        Assert.Equal(0, (await _scene.RunAsync(["pull", "-t", "x:1,y", "b1"])).ExitCode);
        Assert.Equal(
            ["x:1-one", "x:1-two", "y-one:latest", "y-two:latest"],
            _docker.Where(call => call.StartsWith("tag", StringComparison.Ordinal)).Select(call => call.Split("library/")[1]).Order(StringComparer.Ordinal));

        _docker.Clear();
        Assert.Equal(0, (await _scene.RunAsync(["pull", "--target", "two", "b1"])).ExitCode);
        Assert.Equal(["pull r.example.com/p1:b1-two as x-token:slpr_y@r.example.com", "tag r.example.com/p1:b1-two/tag docker.io/library/two:tag"], _docker);
        Assert.StartsWith("Error: target three not found. The available targets are one, two\n", (await _scene.RunAsync(["pull", "--target", "three", "b1"])).Error);
    }

    [Fact]
    public async Task What_cannot_be_pulled_says_why()
    {
        Saves(new BuildOptions());
        Assert.StartsWith("Error: build b1 is not a saved build. To use the registry use --save when building\n", (await _scene.RunAsync(["pull", "b1"])).Error);
        Assert.StartsWith("Error: other.example/p1:v1 is not in the registry of this server, r.example.com\n", (await _scene.RunAsync(["pull", "other.example/p1:v1"])).Error);
        Saves(new BuildOptions { Save = true });
        _progress = """{"errorDetail":{"message":"manifest unknown"},"error":"manifest unknown"}""" + "\n";
        var (exitCode, _, error) = await _scene.RunAsync(["pull", "b1"]);
        Assert.Equal(1, exitCode);
        Assert.Contains("Error: cannot pull r.example.com/p1:b1: manifest unknown\n", error);
        Assert.DoesNotContain("slpr_", error);
    }

    [Fact]
    public async Task A_pull_token_is_printed_alone()
    {
        Assert.Equal((0, "slpr_x\n", ""), await _scene.RunAsync(["pull-token"]));
        Assert.Equal((0, "slpr_x\n", ""), await _scene.RunAsync(["pull-token", "b1"]));
        Assert.Equal([("p1", ""), ("", "b1")], _tokens.Select(request => (request.ProjectId, request.BuildId)));
    }

    [Fact]
    public async Task Images_are_listed_as_the_published_client_lists_them()
    {
        var asked = new List<ListImagesRequest>();
        _server.On("ListImages", ListImagesRequest.Parser, request =>
        {
            asked.Add(request);
            return request.PageToken.Length == 0
                ? new ListImagesResponse { NextPageToken = "2", Images = { new Image { Tag = "v1", Digest = "sha256:1", SizeBytes = 1500, PushedAt = new Timestamp { Seconds = 100 } } } }
                : new ListImagesResponse { Images = { new Image { Tag = "v2", Digest = "sha256:2", SizeBytes = 2 } } };
        });
        Assert.Equal("Tag,Digest,Size (bytes),Pushed At\nv1,sha256:1,1500,1970-01-01T00:01:40Z\nv2,sha256:2,2,\n", (await _scene.RunAsync(["image", "ls"])).Output);
        Assert.Equal(
            "[\n  {\n    \"tag\": \"v1\",\n    \"digest\": \"sha256:1\",\n    \"size_bytes\": 1500,\n    \"pushed_at\": \"1970-01-01T00:01:40Z\"\n  },\n"
            + "  {\n    \"tag\": \"v2\",\n    \"digest\": \"sha256:2\",\n    \"size_bytes\": 2\n  }\n]\n",
            (await _scene.RunAsync(["image", "list", "--output", "json"])).Output);
        Assert.Equal([100, 100, 100, 100], asked.Select(request => request.PageSize));
        _server.On("ListImages", ListImagesRequest.Parser, _ => new ListImagesResponse());
        Assert.Equal("No images found\n", (await _scene.RunAsync(["image", "list", "--output", "json"])).Output);
    }

    [Fact]
    public async Task Images_are_removed_by_tag()
    {
        DeleteImageRequest? asked = null;
        _server.On("DeleteImage", DeleteImageRequest.Parser, request =>
        {
            asked = request;
            return new DeleteImageResponse();
        });
        Assert.Equal("Successfully deleted image with tag: v1\n", (await _scene.RunAsync(["image", "rm", "v1"])).Output);
        Assert.Equal("Successfully deleted 2 images\n", (await _scene.RunAsync(["image", "rm", "--project", "p2", "v1", "v2"])).Output);
        Assert.Equal(("p2", "v1 v2"), (asked!.ProjectId, string.Join(' ', asked.ImageTags)));
    }

    private void Saves(params BuildOptions[] options) => _server.On(
        "GetPullInfo",
        GetPullInfoRequest.Parser,
        _ => new GetPullInfoResponse { Reference = "r.example.com/p1:b1", Username = "x-token", Password = "slpr_y", RegistryHost = "r.example.com", Options = { options } });

    private static BuildOptions Baked(string target) => new() { Command = Command.Bake, Save = true, TargetName = target, Tags = { $"{target}:tag" } };
}
