using System.Text;
using System.Text.Json;

namespace Slipway.AcceptanceTests;

/// <summary>After `depot configure-docker` the Docker CLI builds on the remote builders: the pipelines of the user's manual, as they stand there,
/// each in a Docker configuration made for one job.</summary>
public sealed class DockerPluginTests(Site site) : IAsyncLifetime
{
    private const string Password = "correct-horse";
    private readonly WorkFolder _folder = new("plugin");
    private readonly int _port = Parts.FreePort();

    private string Private => $"localhost:{_port}";

    private string DockerConfig => _folder["docker"];

    public async ValueTask InitializeAsync()
    {
        (await RunningCommand.Start(
            Path.Combine(Parts.Root, "eng/registry.sh"), ["start", _folder["registry"], $"{_port}", "--htpasswd", "agent", Password]).WaitAsync()).MustSucceed();
        (await DepotAsync("configure-docker")).MustSucceed();
    }

    public async ValueTask DisposeAsync()
    {
        await RunningCommand.Start(Path.Combine(Parts.Root, "eng/registry.sh"), ["stop", _folder["registry"]]).WaitAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task Docker_build_and_docker_push_run_unchanged()
    {
        using var context = Context("built by docker build");
        var image = $"{Private}/app:{Guid.NewGuid():N}";
        (await StartDocker(["login", Private, "-u", "agent", "--password-stdin"], input: Encoding.UTF8.GetBytes(Password)).WaitAsync()).MustSucceed();
        var built = await DockerAsync("build", "--progress=plain", "-t", image, context.Path);
        Assert.Contains("[depot] build: ", built.MustSucceed().Error);
        Assert.Contains("[depot] connecting to amd64 machine", built.Error);
        (await DockerAsync("push", image)).MustSucceed();
        (await DockerAsync("rmi", image)).MustSucceed();
        Assert.Equal("built by docker build\n", (await DockerAsync("run", "--rm", image)).MustSucceed().Output);
    }

    [Fact]
    public async Task Docker_buildx_build_pushes_by_itself_and_names_the_build_in_its_files()
    {
        using var context = Context("built by buildx");
        var image = $"{site.Registry}/app:{Guid.NewGuid():N}";
        var built = await DockerAsync("buildx", "build", "--push", "-t", image, "--metadata-file", _folder["metadata.json"], context.Path);
        Assert.Contains("[depot] build: ", built.MustSucceed().Error);
        using var metadata = JsonDocument.Parse(await File.ReadAllTextAsync(_folder["metadata.json"]));
        Assert.Equal(image, metadata.RootElement.GetProperty("image.name").GetString());
        Assert.Equal("built by buildx\n", (await DockerAsync("run", "--rm", image)).MustSucceed().Output);
    }

    [Fact]
    public async Task Docker_compose_build_is_one_build_and_its_images_are_pushed_and_run()
    {
        var tag = $"{Guid.NewGuid():N}";
        using var project = new WorkFolder()
            .With("compose.yaml", $$"""
                services:
                  front:
                    image: {{site.Registry}}/front:{{tag}}
                    build: {context: ., args: {WORD: front} }
                  back:
                    image: {{site.Registry}}/back:{{tag}}
                    build: {context: ., args: {WORD: back} }

                """)
            .With("Dockerfile", $"FROM {site.BaseImage}\nARG WORD\nRUN echo $WORD > /word\nCMD [\"cat\", \"/word\"]\n");
        var before = await BuildsAsync();
        (await ComposeAsync(project, "build")).MustSucceed();
        Assert.Single((await BuildsAsync()).Except(before));
        (await ComposeAsync(project, "push")).MustSucceed();
        foreach (var service in new[] { "front", "back" })
        {
            var image = $"{site.Registry}/{service}:{tag}";
            Assert.Equal(service + "\n", (await DockerAsync("run", "--rm", "--pull=always", image)).MustSucceed().Output);
        }

        var up = (await ComposeAsync(project, "up", "--build", "--no-log-prefix", "front")).MustSucceed();
        Assert.Contains("front\n", up.Output);
        (await ComposeAsync(project, "down")).MustSucceed();
    }

    [Fact]
    public async Task Docker_buildx_bake_builds_a_files_targets()
    {
        var image = $"{site.Registry}/baked:{Guid.NewGuid():N}";
        using var context = Context("baked").With("docker-bake.hcl", $$"""
            target "default" {
              context = "."
              tags = ["{{image}}"]
            }

            """);
        var environment = site.With(null);
        environment["DOCKER_CONFIG"] = DockerConfig;
        var loaded = await RunningCommand.Start("docker", ["buildx", "bake"], environment, context.Path).WaitAsync();
        Assert.Contains("[depot] build: ", loaded.MustSucceed().Error);
        Assert.Equal("baked\n", (await DockerAsync("run", "--rm", "--pull=never", image)).MustSucceed().Output);
        (await RunningCommand.Start("docker", ["buildx", "bake", "--push"], environment, context.Path).WaitAsync()).MustSucceed();
        (await DockerAsync("rmi", image)).MustSucceed();
        (await DockerAsync("run", "--rm", image)).MustSucceed();
    }

    [Fact]
    public async Task The_id_that_a_quiet_build_prints_can_be_run()
    {
        using var context = Context("by its id");
        var built = await DockerAsync("image", "build", "-q", context.Path);
        var id = built.MustSucceed().Output.Trim();
        Assert.StartsWith("sha256:", id);
        Assert.Equal("by its id\n", (await DockerAsync("run", "--rm", id)).MustSucceed().Output);
    }

    [Fact]
    public async Task A_server_that_does_not_answer_fails_the_build_and_nothing_is_built_here()
    {
        using var context = Context("never");
        var image = $"local:{Guid.NewGuid():N}";
        var result = await StartDocker(
            ["build", "-t", image, context.Path], new Dictionary<string, string?> { ["DEPOT_API_URL"] = $"http://127.0.0.1:{Parts.FreePort()}" }).WaitAsync();
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains("ERROR: could not reach ", result.Error);
        Assert.Equal("", (await DockerAsync("images", "-q", image)).MustSucceed().Output);
    }

    [Fact]
    public async Task A_failing_step_fails_docker_build_with_its_own_exit_code()
    {
        using var context = new WorkFolder().With("Dockerfile", $"FROM {site.BaseImage}\nRUN exit 7\n");
        var result = (await DockerAsync("build", context.Path)).MustFail();
        Assert.Contains("did not complete successfully: exit code: 7", result.Error);
    }

    [Fact]
    public async Task An_interrupted_docker_build_ends_the_remote_build()
    {
        using var context = new WorkFolder().With("Dockerfile", $"FROM {site.BaseImage}\nRUN echo {Guid.NewGuid():N} && echo it runs && sleep 600\n");
        await using var running = StartDocker(["build", "--progress=plain", context.Path]);
        await running.SaysAsync("it runs\n");
        running.Signal(PosixSignalNumber.Interrupt);
        var result = await running.WaitAsync(TimeSpan.FromMinutes(2));
        Assert.NotEqual(0, result.ExitCode);
        var row = await Records.FinalRowAsync(() => site.DepotAsync("list", "builds"), Records.BuildIdOf(result));
        Assert.Contains("canceled", row);
    }

    [Fact]
    public async Task Other_commands_and_builders_are_buildxs_own()
    {
        Assert.Contains("+slipway", (await DockerAsync("buildx", "version")).MustSucceed().Output);
        Assert.Contains("Name:", (await DockerAsync("buildx", "inspect", "default")).MustSucceed().Output);
        Assert.Contains("depot", (await DockerAsync("buildx", "inspect", "depot")).MustSucceed().Output);
        using var context = Context("local");
        var result = await DockerAsync("buildx", "build", "--builder", "nobody-made-this", context.Path);
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains("no builder \"nobody-made-this\" found", result.Error);
    }

    [Fact]
    public async Task What_was_there_before_is_there_again_after_uninstall()
    {
        var config = Path.Combine(DockerConfig, "config.json");
        Assert.Contains("buildx", await File.ReadAllTextAsync(config));
        Assert.DoesNotContain(site.Token, string.Concat(Directory.GetFiles(DockerConfig, "*", SearchOption.AllDirectories)
            .Where(file => new FileInfo(file).LinkTarget is null).Select(File.ReadAllText)));
        (await DepotAsync("configure-docker", "--uninstall")).MustSucceed();
        Assert.Empty(Directory.GetFiles(DockerConfig, "*", SearchOption.AllDirectories));
        var version = await DockerAsync("buildx", "version");
        Assert.DoesNotContain("slipway", version.MustSucceed().Output);
    }

    private Task<CommandResult> DepotAsync(params string[] arguments) =>
        site.StartDepot(arguments, new Dictionary<string, string?> { ["DOCKER_CONFIG"] = DockerConfig }).WaitAsync();

    /// <summary>The ids of the builds that the server knows.</summary>
    private async Task<List<string>> BuildsAsync() =>
        [.. (await site.DepotAsync("list", "builds", "--output", "csv")).MustSucceed().Output.Split('\n').Skip(1).Select(line => line.Split(',')[0]).Where(id => id.Length > 0)];

    private Task<CommandResult> ComposeAsync(WorkFolder project, params string[] arguments)
    {
        var environment = site.With(null);
        environment["DOCKER_CONFIG"] = DockerConfig;
        return RunningCommand.Start("docker", ["compose", .. arguments], environment, project.Path).WaitAsync();
    }

    private Task<CommandResult> DockerAsync(params string[] arguments) => StartDocker(arguments).WaitAsync();

    private RunningCommand StartDocker(string[] arguments, IReadOnlyDictionary<string, string?>? changes = null, byte[]? input = null)
    {
        var environment = site.With(changes);
        environment["DOCKER_CONFIG"] = DockerConfig;
        return RunningCommand.Start("docker", arguments, environment, input: input);
    }

    private WorkFolder Context(string said) => new WorkFolder()
        .With("Dockerfile", $"FROM {site.BaseImage}\nCOPY said /said\nCMD [\"cat\", \"/said\"]\n")
        .With("said", said + "\n");
}
