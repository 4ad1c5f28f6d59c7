using Depot.Cli.Docker.Configure;
using Xunit;

namespace Slipway.Tests.Cli.Docker;

/// <summary><c>depot configure-docker</c> in a Docker configuration that others use, too.</summary>
public sealed class ConfigureDockerTests : IDisposable
{
    private const string Program = "/opt/slipway/depot";

    private readonly CliScene _scene = new();

    public ConfigureDockerTests() => _scene.Environment["DOCKER_CONFIG"] = Config;

    private string Config => Path.Combine(_scene.Folder, "docker");

    private string Plugins => Path.Combine(Config, "cli-plugins");

    public void Dispose() => _scene.Dispose();

    [Fact]
    public async Task An_empty_configuration_is_empty_again_afterwards()
    {
        var (exitCode, output, _) = await _scene.RunAsync(["configure-docker"]);
        Assert.Equal((0, "Successfully installed Depot as a Docker CLI plugin\n"), (exitCode, output));
        Assert.Equal(Environment.ProcessPath, new FileInfo(Path.Combine(Plugins, "docker-buildx")).LinkTarget);
        Assert.Equal(Environment.ProcessPath, new FileInfo(Path.Combine(Plugins, "docker-depot")).LinkTarget);
        Assert.Equal("{\n\t\"aliases\": {\n\t\t\"builder\": \"buildx\"\n\t}\n}\n", await File.ReadAllTextAsync(Path.Combine(Config, "config.json")));
        (exitCode, output, _) = await _scene.RunAsync(["configure-docker", "--uninstall"]);
        Assert.Equal((0, "Successfully uninstalled the Depot Docker CLI plugin\n"), (exitCode, output));
        Assert.Empty(Directory.GetFiles(Config, "*", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task No_token_is_written_and_a_project_is_remembered()
    {
        _scene.Environment["DEPOT_TOKEN"] = "slpu_secret";
        var (_, _, error) = await _scene.RunAsync(["configure-docker", "--project", "p1", "--token", "slpu_other"]);
        Assert.Contains("the token is not stored", error);
        var written = string.Concat(Directory.GetFiles(Config, "*", SearchOption.AllDirectories).Where(file => new FileInfo(file).LinkTarget is null).Select(File.ReadAllText));
        Assert.DoesNotContain("slpu_", written);
        Assert.Equal("p1", InstallRecord.Read(Plugins)!.ProjectId);
    }

    [Fact]
    public void What_was_there_comes_back_to_the_byte_even_after_two_installations()
    {
        const string Settings = "{\n    \"auths\": {\"r\": {\"auth\": \"eDp5\"}},\n    \"aliases\": {\"builder\": \"depot\"},\n    \"HttpHeaders\": {}\n}";
        _scene.Write("docker/config.json", Settings);
        _scene.Write("docker/cli-plugins/docker-buildx", "the user's own buildx");
        File.CreateSymbolicLink(Path.Combine(Plugins, "docker-compose"), "/nowhere");
        var installation = Installation();
        installation.Install(null);
        installation.Install(null);
        Assert.Equal("the user's own buildx", File.ReadAllText(Path.Combine(Plugins, "original-docker-buildx")));
        Assert.Contains("\"builder\": \"buildx\"", File.ReadAllText(Path.Combine(Config, "config.json")));
        installation.Uninstall();
        Assert.Equal(Settings, File.ReadAllText(Path.Combine(Config, "config.json")));
        Assert.Equal("the user's own buildx", File.ReadAllText(Path.Combine(Plugins, "docker-buildx")));
        Assert.Equal(["docker-buildx", "docker-compose"], Directory.GetFileSystemEntries(Plugins).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void A_link_to_a_buildx_stays_a_link()
    {
        _scene.Write("buildx-0.29", "");
        Directory.CreateDirectory(Plugins);
        File.CreateSymbolicLink(Path.Combine(Plugins, "docker-buildx"), "../../buildx-0.29");
        var installation = Installation();
        installation.Install(null);
        installation.Uninstall();
        Assert.Equal("../../buildx-0.29", new FileInfo(Path.Combine(Plugins, "docker-buildx")).LinkTarget);
    }

    [Fact]
    public void What_others_wrote_meanwhile_stays()
    {
        var installation = Installation();
        installation.Install(null);
        File.WriteAllText(Path.Combine(Config, "config.json"), "{\"auths\":{\"r\":{}},\"aliases\":{\"builder\":\"buildx\"}}");
        installation.Uninstall();
        Assert.Equal("{\"auths\":{\"r\":{}}}", File.ReadAllText(Path.Combine(Config, "config.json")));
    }

    [Fact]
    public void An_alias_that_the_user_had_set_to_buildx_stays()
    {
        _scene.Write("docker/config.json", "{\"aliases\":{\"builder\":\"buildx\"}}");
        var installation = Installation();
        installation.Install(null);
        installation.Install(null);
        installation.Uninstall();
        Assert.Equal("{\"aliases\":{\"builder\":\"buildx\"}}", File.ReadAllText(Path.Combine(Config, "config.json")));
    }

    [Fact]
    public async Task Several_agents_may_do_it_at_once()
    {
        _scene.Write("docker/config.json", "{\"auths\":{}}");
        await Task.WhenAll(Enumerable.Range(0, 8).Select(async _ => Assert.Equal(0, (await _scene.RunAsync(["configure-docker"])).ExitCode)));
        await Task.WhenAll(Enumerable.Range(0, 8).Select(async i =>
            Assert.Equal(0, (await _scene.RunAsync(i % 2 == 0 ? ["configure-docker"] : ["configure-docker", "--uninstall"])).ExitCode)));
        Assert.Equal(0, (await _scene.RunAsync(["configure-docker", "--uninstall"])).ExitCode);
        Assert.Equal("{\"auths\":{}}", await File.ReadAllTextAsync(Path.Combine(Config, "config.json")));
        Assert.Equal(["config.json"], Directory.GetFiles(Config, "*", SearchOption.AllDirectories).Select(Path.GetFileName));
    }

    [Fact]
    public async Task Settings_that_Docker_cannot_read_are_left_alone()
    {
        _scene.Write("docker/config.json", "{broken");
        var (exitCode, _, error) = await _scene.RunAsync(["configure-docker"]);
        Assert.Equal(1, exitCode);
        Assert.Contains("config.json is not a JSON object", error);
        Assert.Equal("{broken", await File.ReadAllTextAsync(Path.Combine(Config, "config.json")));
    }

    [Theory]
    [InlineData("2.40.3-3", true)]
    [InlineData("2.37.0", true)]
    [InlineData("2.36.2", false)]
    [InlineData("2.26.1-4", false)]
    [InlineData("5.0.0", true)]
    [InlineData("dev", true)]
    public void A_Compose_that_keeps_its_builds_is_known_by_its_version(string version, bool handsOver) =>
        Assert.Equal(handsOver, new ComposeVersion(version).HandsBuildsOver);

    private PluginInstallation Installation()
    {
        Directory.CreateDirectory(Plugins);
        return new PluginInstallation(Plugins, new DockerSettingsFile(Config), Program);
    }
}
