using Google.Protobuf.WellKnownTypes;
using Slipway.Contract.Depot.Cli.V1Beta1;
using Slipway.Contract.Depot.Core.V1;
using Xunit;

namespace Slipway.Tests.Cli;

/// <summary><c>depot projects</c> and <c>depot cache</c>, with the outputs of the published client.</summary>
public sealed class ProjectCommandTests : IAsyncLifetime
{
    private readonly CliScene _scene = new();
    private ConnectDouble _server = null!;
    private CreateProjectRequest? _created;
    private UpdateProjectRequest? _updated;
    private string? _deleted;

    public async ValueTask InitializeAsync()
    {
        _server = (await ConnectDouble.StartAsync()).WithBuild("tcp://127.0.0.1:1")
            .On("CreateProject", CreateProjectRequest.Parser, request =>
            {
                _created = request;
                return new CreateProjectResponse { Project = new Project { ProjectId = "p7", Name = request.Name, CachePolicy = request.CachePolicy } };
            })
            .On("GetProject", GetProjectRequest.Parser, request => new GetProjectResponse { Project = Known(request.ProjectId) })
            .On("UpdateProject", UpdateProjectRequest.Parser, request =>
            {
                _updated = request;
                return new UpdateProjectResponse { Project = Known(request.ProjectId) };
            })
            .On("DeleteProject", DeleteProjectRequest.Parser, request =>
            {
                _deleted = request.ProjectId;
                return new DeleteProjectResponse();
            })
            .On("ResetProjectCache", ResetProjectCacheRequest.Parser, request => new ResetProjectCacheResponse { Name = request.ProjectId, OrgName = "org" });
        _scene.Environment["DEPOT_API_URL"] = _server.Url;
        _scene.Environment["DEPOT_TOKEN"] = "t";
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _scene.Dispose();
    }

    [Fact]
    public async Task A_project_is_created_with_the_published_clients_defaults()
    {
        var (exitCode, output, error) = await _scene.RunAsync(["projects", "create", "a <b>"]);
        Assert.Equal((0, "{\"project_id\":\"p7\",\"name\":\"a \\u003cb\\u003e\",\"cache_policy\":{\"keep_bytes\":53687091200,\"keep_days\":14}}\n", ""), (exitCode, output, error));
        Assert.Equal(("us-east-1", false), (_created!.RegionId, _created.HasOrganizationId));
        await _scene.RunAsync(["p", "c", "x", "-o", "o2", "--region", "eu", "--cache-storage-policy", "1", "--cache-policy-keep-days=0"]);
        Assert.Equal(("o2", "eu", 1L << 30, 0), (_created.OrganizationId, _created.RegionId, _created.CachePolicy.KeepBytes, _created.CachePolicy.KeepDays));
    }

    [Fact]
    public async Task A_project_is_shown_as_text_and_as_json()
    {
        Assert.Equal(
            "Project ID:       p3\nOrganization ID:  o1\nName:             web\nRegion:           eu\nCreated:          1970-01-01T00:01:40.5Z\nCache storage:    50 GB\nCache retention:  14 days\n",
            (await _scene.RunAsync(["projects", "get", "p3"])).Output);
        var json = (await _scene.RunAsync(["projects", "get", "-p", "p3", "-o", "json"])).Output;
        Assert.Equal(
            "{\n  \"project_id\": \"p3\",\n  \"organization_id\": \"o1\",\n  \"name\": \"web\",\n  \"region_id\": \"eu\",\n  \"created_at\": \"1970-01-01T00:01:40.5Z\",\n"
            + "  \"cache_policy\": {\n    \"keep_bytes\": 53687091200,\n    \"keep_days\": 14\n  }\n}\n", json);
        _scene.Write("depot.json", "{\"id\":\"p9\"}");
        Assert.StartsWith("Project ID:       p9\n", (await _scene.RunAsync(["projects", "get"])).Output);
    }

    [Fact]
    public async Task Only_what_was_asked_for_is_changed()
    {
        await _scene.RunAsync(["projects", "update", "p3", "--name", ""]);
        Assert.Equal((true, "", false, null), (_updated!.HasName, _updated.Name, _updated.HasRegionId, _updated.CachePolicy));
        Assert.DoesNotContain("GetProject", _server.Calls);
        await _scene.RunAsync(["projects", "update", "-p", "p3", "--cache-storage-policy", "7"]);
        Assert.Equal((7L << 30, 14), (_updated.CachePolicy.KeepBytes, _updated.CachePolicy.KeepDays));
        Assert.False(_updated.HasName);
    }

    [Fact]
    public async Task A_deletion_is_confirmed()
    {
        Assert.Equal("Error: deleting project p3 must be confirmed\nPass --yes where nobody can be asked.\n", (await _scene.RunAsync(["projects", "delete", "p3"])).Error);
        Assert.Null(_deleted);
        Assert.Equal("Successfully deleted project p3\n", (await _scene.RunAsync(["projects", "delete", "-y", "-p", "p3"])).Output);
        Assert.Equal("p3", _deleted);
        _scene.Interactive = true;
        _scene.Input = new MemoryStream("what?\nn\n"u8.ToArray());
        Assert.Equal(1, (await _scene.RunAsync(["projects", "delete", "p4"])).ExitCode);
        Assert.Equal("p3", _deleted);
        _scene.Input = new MemoryStream("y\n"u8.ToArray());
        Assert.Equal("Successfully deleted project p4\n", (await _scene.RunAsync(["projects", "delete", "p4"])).Output);
    }

    [Fact]
    public async Task A_cache_is_reset()
    {
        _scene.Write("app/depot.json", "{\"id\":\"p5\"}");
        Assert.Equal("Cache reset for p5 (org)\n", (await _scene.RunAsync(["cache", "reset", "app"])).Output);
        Assert.Equal("Cache reset for p6 (org)\n", (await _scene.RunAsync(["cache", "reset", "--project", "p6"])).Output);
    }

    [Theory]
    [InlineData("one of --name, --region, or --cache-storage-policy is required", "projects", "update", "p1")]
    [InlineData("project ID must be specified as either an argument or --project-id, not both", "projects", "get", "p1", "-p", "p2")]
    [InlineData("unknown project ID (run `depot init`, pass a project ID, use --project-id, or set $DEPOT_PROJECT_ID)", "projects", "get")]
    [InlineData("unknown project ID (run `depot init` or use --project or $DEPOT_PROJECT_ID)", "cache", "reset")]
    [InlineData("unsupported output \"csv\" (valid: json)", "projects", "get", "p1", "-o", "csv")]
    [InlineData("project name is required", "projects", "create")]
    [InlineData("unexpected argument \"b\" for \"depot projects create\"", "projects", "create", "a", "b")]
    [InlineData("unexpected argument \"x\" for \"depot list builds\"", "list", "builds", "x")]
    [InlineData("--cache-storage-policy cannot be -1", "projects", "create", "a", "--cache-storage-policy", "-1")]
    [InlineData("invalid argument \"x\" for \"--cache-storage-policy\" flag: strconv.ParseInt: parsing \"x\": invalid syntax", "projects", "create", "a", "--cache-storage-policy", "x")]
    [InlineData("missing subcommand, please run `depot cache --help`", "cache")]
    [InlineData("missing subcommand, please run `depot image --help`", "image")]
    [InlineData("unknown project ID (run `depot init` or use --project or $DEPOT_PROJECT_ID)", "image", "ls")]
    [InlineData("requires at least 1 arg(s), only received 0", "image", "rm")]
    [InlineData("please specify a project ID", "image", "rm", "1")]
    [InlineData("build ID or tag must not be empty", "pull", "")]
    [InlineData("unknown project ID (run `depot init` or use --project or $DEPOT_PROJECT_ID)", "pull")]
    [InlineData("missing tag, please specify a tag with --tag", "push", "b1")]
    [InlineData("invalid reference format: repository name (Upper) must be lowercase", "push", "-t", "host.example/Upper:1", "b1")]
    public async Task Wrong_words_get_their_own_sentence(string expected, params string[] words)
    {
        var (exitCode, output, error) = await _scene.RunAsync(words);
        Assert.Equal($"Error: {expected}", error.Split('\n')[0]);
        Assert.Equal((1, ""), (exitCode, output));
        Assert.Empty(_server.Calls);
    }

    private static Project Known(string id) => new()
    {
        ProjectId = id,
        OrganizationId = "o1",
        Name = "web",
        RegionId = "eu",
        CreatedAt = new Timestamp { Seconds = 100, Nanos = 500_000_000 },
        CachePolicy = new CachePolicy { KeepBytes = 50L << 30, KeepDays = 14 },
    };
}
