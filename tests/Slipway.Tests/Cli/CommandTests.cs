using Google.Protobuf.WellKnownTypes;
using Slipway.Contract.Depot.Cli.V1;
using Slipway.Contract.Depot.Cli.V1Beta1;
using Xunit;

namespace Slipway.Tests.Cli;

/// <summary>The small commands, and what the process says when words are wrong.</summary>
public sealed class CommandTests : IAsyncLifetime
{
    private readonly CliScene _scene = new();
    private ConnectDouble _server = null!;

    public async ValueTask InitializeAsync()
    {
        _server = (await ConnectDouble.StartAsync()).WithBuild("tcp://127.0.0.1:1");
        _scene.Environment["DEPOT_API_URL"] = _server.Url;
        _scene.Environment["DEPOT_TOKEN"] = "secret";
        _scene.Environment["DEPOT_PROJECT_ID"] = "p1";
        _scene.Environment["XDG_CONFIG_HOME"] = Path.Combine(_scene.Folder, "config");
        _server.On("ListBuilds", ListBuildsRequest.Parser, request => new ListBuildsResponse
        {
            Builds =
            {
                new Build { Id = "b2", Status = BuildStatus.Running, CreatedAt = Time(100), FinishedAt = Time(107) },
                new Build { Id = request.ProjectId + ",quoted", Status = BuildStatus.Failed, CreatedAt = Time(0), FinishedAt = Time(61) },
            },
        });
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _scene.Dispose();
    }

    [Fact]
    public async Task Builds_are_listed_as_csv_for_a_pipe()
    {
        var (exitCode, output, error) = await _scene.RunAsync(["list", "builds"]);
        Assert.Equal(
            "Build ID,Status,Started,Duration (s)\nb2,running,1970-01-01T00:01:40Z,7\n\"p1,quoted\",failed,1970-01-01T00:00:00Z,61\n", output);
        Assert.Equal("", error);
        Assert.Equal(0, exitCode);
    }

    [Theory]
    [InlineData("list", "builds", "--output", "json", "--project", "p9")]
    [InlineData("ls", "b", "--output=json", "--project=p9")]
    public async Task Builds_are_listed_as_json(params string[] words)
    {
        var (_, output, _) = await _scene.RunAsync(words);
        Assert.StartsWith("[\n  {\n    \"id\": \"b2\",\n    \"status\": \"running\",\n    \"startTime\": \"1970-01-01T00:01:40Z\",\n    \"duration\": 7,\n    \"trust\": \"trusted\"\n  },", output);
        Assert.Contains("p9,quoted", output);
    }

    [Theory]
    [InlineData("list", "projects")]
    [InlineData("projects", "list")]
    [InlineData("ls", "p")]
    public async Task Projects_are_listed(params string[] words) =>
        Assert.Equal("Project ID,Name\np1,one\n", (await _scene.RunAsync(words)).Output);

    [Fact]
    public async Task An_empty_list_is_empty()
    {
        _server.On("ListProjects", ListProjectsRequest.Parser, _ => new ListProjectsResponse());
        Assert.Equal("", (await _scene.RunAsync(["list", "projects"])).Output);
        Assert.Equal("[]\n", (await _scene.RunAsync(["list", "projects", "--output", "json"])).Output);
    }

    [Fact]
    public async Task Init_writes_the_file_once()
    {
        var (exitCode, output, _) = await _scene.RunAsync(["init", "--project", "p1"]);
        Assert.Equal(0, exitCode);
        Assert.Equal($"Project one (org) initialized in directory {_scene.Folder}\n", output);
        var path = Path.Combine(_scene.Folder, "depot.json");
        Assert.Equal("{\"id\":\"p1\"}\n", File.ReadAllText(path));

        var again = await _scene.RunAsync(["init", "--project", "p1"]);
        Assert.Equal(1, again.ExitCode);
        Assert.Contains("already exists", again.Error);
        Assert.Equal(0, (await _scene.RunAsync(["init", "--project", "p1", "--force"])).ExitCode);
        Assert.Contains("project with ID p9 not found", (await _scene.RunAsync(["init", "--project", "p9", "--force"])).Error);
    }

    [Fact]
    public async Task A_token_is_kept_only_when_the_server_takes_it()
    {
        _server.Fails("ListProjects", 401, "unauthenticated", "invalid token");
        var refused = await _scene.RunAsync(["login", "--token", "bad"]);
        Assert.Equal("Error: unauthenticated: invalid token\nIt is the token of --token; `depot login`, or `slipway admin token create`, makes a new one.\n", refused.Error);
        Assert.False(File.Exists(_scene.Settings.ConfigPath));

        _server.WithBuild("tcp://x:1");
        _scene.Input = new MemoryStream("piped-token\n"u8.ToArray());
        Assert.Equal("Successfully authenticated!\n", (await _scene.RunAsync(["login", "--token", "-"])).Output);
        Assert.Contains("api_token: 'piped-token'", File.ReadAllText(_scene.Settings.ConfigPath));
        Assert.Equal("Bearer piped-token", _server.Headers["ListProjects"].Authorization);
    }

    [Fact]
    public async Task Logout_forgets_the_token()
    {
        _scene.Write("config/depot/depot.yaml", $"api_token: x\napi_url: '{_server.Url}'\n");
        Assert.Equal("Logout successful!\n", (await _scene.RunAsync(["logout"])).Output);
        var text = File.ReadAllText(_scene.Settings.ConfigPath);
        Assert.Contains("api_token: ''", text);
        Assert.Contains($"api_url: '{_server.Url}'", text);
    }

    [Theory]
    [InlineData("Error: unknown command \"bogus\" for \"depot\"\nRun 'depot --help' for usage.\n", "bogus")]
    [InlineData("Error: unknown command \"bogus\" for \"depot list\"\nRun 'depot list --help' for usage.\n", "list", "bogus")]
    [InlineData("Error: missing subcommand, please run `depot list --help`\n", "list")]
    [InlineData("Error: unknown flag: --bogus\n", "list", "projects", "--bogus")]
    [InlineData("Error: unknown format: xml. Requires csv or json\n", "list", "projects", "--output", "xml")]
    [InlineData("ERROR: unknown flag: --bogus\n", "build", "--bogus", ".")]
    [InlineData("ERROR: failed to build: unable to prepare context: path \"nowhere\" not found\n", "build", "nowhere")]
    [InlineData("ERROR: progress=plain and quiet cannot be used together\n", "build", "-q", "--progress=plain", ".")]
    public async Task Wrong_words_get_one_or_two_lines_and_1(string expected, params string[] words)
    {
        var (exitCode, output, error) = await _scene.RunAsync(words);
        Assert.Equal(expected, error);
        Assert.Equal("", output);
        Assert.Equal(1, exitCode);
    }

    [Fact]
    public async Task Help_lists_what_there_is()
    {
        var (exitCode, output, _) = await _scene.RunAsync(["help", "build"]);
        Assert.Equal(0, exitCode);
        Assert.Contains("Usage:\n  depot build [OPTIONS] PATH | URL | -\n", output);
        Assert.Contains("  -t, --tag stringArray", output);
        Assert.DoesNotContain("--squash", output);
        Assert.Equal(output, (await _scene.RunAsync(["build", "--help"])).Output);
        Assert.Equal(output, (await _scene.RunAsync(["build", "-q", "-h", "."])).Output);
        Assert.Contains("Available Commands:\n  build ", (await _scene.RunAsync([])).Output);
    }

    [Fact]
    public async Task What_is_wrong_here_is_said_before_the_server_hears_of_the_build()
    {
        _scene.Write("Dockerfile", "FROM scratch\n");
        _scene.Environment["DOCKER_HOST"] = "unix:///nowhere.sock";
        foreach (var words in new string[][]
        {
            ["build", "--load", "."], ["build", "--secret", "id=x,src=/nowhere/secret", "."], ["build", "-t", "A", "."], ["build", "nowhere"], ["build", "-f", "no", "."],
        })
        {
            Assert.Equal(1, (await _scene.RunAsync(words)).ExitCode);
        }

        Assert.Empty(_server.Calls);
    }

    private static Timestamp Time(long seconds) => new() { Seconds = seconds };
}
