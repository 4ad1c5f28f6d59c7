using Depot.Cli;
using Depot.Cli.Docker;
using Xunit;

namespace Slipway.Tests.Cli;

/// <summary>The local Docker: where it is, what it is, and how an image gets into it.</summary>
public sealed class LocalDockerTests : IDisposable
{
    private readonly CliScene _scene = new();

    public void Dispose() => _scene.Dispose();

    [Theory]
    [InlineData(FakeDocker.GraphDriver, false)]
    [InlineData(FakeDocker.Containerd, true)]
    [InlineData("{}", false)]
    public async Task The_image_store_is_known(string info, bool containerd)
    {
        await using var daemon = await DaemonAsync(info);
        await using var docker = await LocalDocker.ConnectAsync(Endpoint(), CancellationToken.None);
        Assert.Equal(containerd, docker.UsesContainerdStore);
    }

    [Fact]
    public async Task A_missing_Docker_is_named_with_the_remedy()
    {
        var problem = await Assert.ThrowsAsync<CliException>(() => LocalDocker.ConnectAsync(Endpoint(), CancellationToken.None));
        Assert.StartsWith($"Cannot connect to the Docker daemon at unix://{Socket}. Is the docker daemon running?", problem.Message);
        Assert.Contains("DOCKER_HOST", problem.Remedy);
    }

    [Fact]
    public async Task An_archive_arrives_whole_and_its_end_waits_for_the_import()
    {
        await using var daemon = await DaemonAsync(FakeDocker.GraphDriver);
        daemon.Answers.Enqueue("""{"stream":"Loaded image: x:1\n"}""");
        await using var docker = await LocalDocker.ConnectAsync(Endpoint(), CancellationToken.None);
        var archive = new byte[10_000_000];
        Random.Shared.NextBytes(archive);
        var said = new List<string>();
        await docker.ImportAsync((stream, stop) => stream.WriteAsync(archive, stop).AsTask(), said.Add, CancellationToken.None);
        Assert.Equal(archive, Assert.Single(daemon.Loaded));
        Assert.Equal(["Loaded image: x:1\n"], said);
    }

    [Theory]
    [InlineData("""{"errorDetail":{"message":"no space left on device"},"error":"no space left on device"}""", "no space left on device")]
    [InlineData("""{"stream":"Error unpacking image x: layer is damaged"}""", "layer is damaged")]
    public async Task What_the_daemon_says_after_its_200_is_a_failure(string line, string expected)
    {
        await using var daemon = await DaemonAsync(FakeDocker.Containerd);
        daemon.Answers.Enqueue(line);
        await using var docker = await LocalDocker.ConnectAsync(Endpoint(), CancellationToken.None);
        var problem = await Assert.ThrowsAsync<CliException>(() => ImportAsync(docker));
        Assert.Contains(expected, problem.Message);
    }

    [Theory]
    [InlineData("""{"stream":"Error unpacking image x: content digest sha256:0123456789012345678901234567890123456789012345678901234567890123: not found"}""", 1)]
    [InlineData("""{"error":"open /var/lib/docker/tmp/x/1.tar: no such file or directory"}""", 0)]
    public async Task A_part_that_the_daemon_misses_is_told_apart_from_a_failure(string line, int named)
    {
        await using var daemon = await DaemonAsync(FakeDocker.Containerd);
        daemon.Answers.Enqueue(line);
        await using var docker = await LocalDocker.ConnectAsync(Endpoint(), CancellationToken.None);
        var problem = await Assert.ThrowsAsync<ImageIncompleteException>(() => ImportAsync(docker));
        Assert.Equal(named, problem.Digests.Count);
    }

    [Fact]
    public async Task A_daemon_that_refuses_is_quoted()
    {
        await using var daemon = await DaemonAsync(FakeDocker.GraphDriver);
        daemon.Refuses = true;
        await using var docker = await LocalDocker.ConnectAsync(Endpoint(), CancellationToken.None);
        var problem = await Assert.ThrowsAsync<CliException>(() => ImportAsync(docker));
        Assert.Contains("refused the image: disk full", problem.Message);
    }

    [Fact]
    public void The_address_is_found_as_the_Docker_CLI_finds_it()
    {
        _scene.Environment["DOCKER_CONFIG"] = Path.Combine(_scene.Folder, "docker");
        Assert.Equal(DockerEndpoint.DefaultAddress, $"{Find()}");

        // The SHA-256 of "remote".
        var id = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData("remote"u8));
        _scene.Write("docker/config.json", """{"currentContext":"remote"}""");
        _scene.Write($"docker/contexts/meta/{id}/meta.json", """{"Name":"remote","Endpoints":{"docker":{"Host":"tcp://far:2376"}}}""");
        Directory.CreateDirectory(Path.Combine(_scene.Folder, $"docker/contexts/tls/{id}/docker"));
        Assert.Equal("tcp://far:2376", $"{Find()}");
        Assert.NotNull(Find().CertificateFolder);

        _scene.Environment["DOCKER_CONTEXT"] = "default";
        Assert.Equal(DockerEndpoint.DefaultAddress, $"{Find()}");
        _scene.Environment["DOCKER_HOST"] = "unix:///other.sock";
        Assert.Equal("unix:///other.sock", $"{Find()}");
        Assert.Equal("tcp://far:2376", $"{DockerEndpoint.Find(_scene.Settings, "remote")}");
    }

    [Fact]
    public void An_address_that_cannot_be_loaded_to_is_refused()
    {
        _scene.Environment["DOCKER_HOST"] = "ssh://far";
        Assert.Contains("ssh -L", Assert.Throws<CliException>(() => Find()).Remedy);
        _scene.Environment.Remove("DOCKER_HOST");
        _scene.Environment["DOCKER_CONTEXT"] = "nowhere";
        Assert.Contains("nowhere", Assert.Throws<CliException>(() => Find()).Message);
    }

    private string Socket => Path.Combine(_scene.Folder, "docker.sock");

    private DockerEndpoint Find() => DockerEndpoint.Find(_scene.Settings, contextName: null);

    private DockerEndpoint Endpoint() => new(new Uri($"unix://{Socket}"), null);

    private static Task ImportAsync(LocalDocker docker) =>
        docker.ImportAsync((stream, stop) => stream.WriteAsync(new byte[10], stop).AsTask(), _ => { }, CancellationToken.None);

    private Task<FakeDocker> DaemonAsync(string info) => FakeDocker.StartAsync(Socket, info);
}
