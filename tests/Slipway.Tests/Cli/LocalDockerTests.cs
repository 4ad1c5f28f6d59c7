using System.Text;
using Depot.Cli;
using Depot.Cli.Docker;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Slipway.BuildKit.Progress;
using Slipway.BuildKit.Wire.Control;
using Xunit;

namespace Slipway.Tests.Cli;

/// <summary>The local Docker: where it is, what it is, and how an image gets into it.</summary>
public sealed class LocalDockerTests : IDisposable
{
    private const string GraphDriver = """{"Driver":"overlay2","DriverStatus":[["Backing Filesystem","extfs"]]}""";
    private const string Containerd = """{"Driver":"overlayfs","DriverStatus":[["driver-type","io.containerd.snapshotter.v1"]]}""";

    private readonly CliScene _scene = new();

    public void Dispose() => _scene.Dispose();

    [Theory]
    [InlineData(GraphDriver, false)]
    [InlineData(Containerd, true)]
    [InlineData("{}", false)]
    public async Task The_image_store_is_known(string info, bool containerd)
    {
        await using var daemon = await DaemonAsync(info, "");
        using var docker = await LocalDocker.ConnectAsync(Endpoint(), CancellationToken.None);
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
        var steps = new List<StatusResponse>();
        await using var daemon = await DaemonAsync(GraphDriver, """{"stream":"Loaded image: x:1\n"}""" + "\r\n");
        using var docker = await LocalDocker.ConnectAsync(Endpoint(), CancellationToken.None);
        await using var load = new DockerLoad(docker, Writer(steps), CancellationToken.None);
        var archive = new byte[10_000_000];
        Random.Shared.NextBytes(archive);
        await using (var stream = load.Open())
        {
            await stream.WriteAsync(archive);
        }

        Assert.Equal(archive, daemon.Loaded);
        Assert.Null(load.Failure);
        Assert.Contains(steps, step => step.Vertexes.Any(vertex => vertex.Name == "importing to docker" && vertex.Completed is not null && vertex.Error.Length == 0));
        Assert.Contains(steps, step => step.Logs.Any(log => log.Msg.ToStringUtf8() == "Loaded image: x:1\n"));
    }

    [Theory]
    [InlineData("""{"errorDetail":{"message":"no space left on device"},"error":"no space left on device"}""", "no space left on device")]
    [InlineData("""{"stream":"Error unpacking image x: content digest sha256:1: not found"}""", "content digest sha256:1: not found")]
    public async Task What_the_daemon_says_after_its_200_is_a_failure(string line, string expected)
    {
        await using var daemon = await DaemonAsync(Containerd, line + "\n");
        using var docker = await LocalDocker.ConnectAsync(Endpoint(), CancellationToken.None);
        await using var load = new DockerLoad(docker, Writer([]), CancellationToken.None);
        var stream = load.Open();
        await stream.WriteAsync(new byte[10]);
        var problem = await Assert.ThrowsAsync<CliException>(async () => await stream.DisposeAsync());
        Assert.Contains(expected, problem.Message);
        Assert.Same(problem, load.Failure);
    }

    [Fact]
    public async Task A_daemon_that_refuses_early_stops_the_writer()
    {
        await using var daemon = await DaemonAsync(GraphDriver, "", status: 500);
        using var docker = await LocalDocker.ConnectAsync(Endpoint(), CancellationToken.None);
        await using var load = new DockerLoad(docker, Writer([]), CancellationToken.None);
        await using var stream = load.Open();
        var problem = await Assert.ThrowsAnyAsync<Exception>(async () =>
        {
            while (true)
            {
                await stream.WriteAsync(new byte[1_000_000]);
            }
        });
        Assert.Contains("refused the image: disk full", (load.Failure ?? problem).Message);
        await Assert.ThrowsAnyAsync<Exception>(async () => await stream.DisposeAsync());
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

    private static VertexWriter Writer(List<StatusResponse> into) => new(into.Add, TimeProvider.System);

    private Task<Daemon> DaemonAsync(string info, string answer, int status = 200) => Daemon.StartAsync(Socket, info, answer, status);

    /// <summary>The two calls of the Docker API that loading needs.</summary>
    private sealed class Daemon(WebApplication app) : IAsyncDisposable
    {
        public byte[] Loaded { get; private set; } = [];

        public static async Task<Daemon> StartAsync(string socket, string info, string answer, int status)
        {
            var builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders();
            builder.WebHost.ConfigureKestrel(kestrel =>
            {
                kestrel.ListenUnixSocket(socket);
                kestrel.Limits.MaxRequestBodySize = null;
            });
            var app = builder.Build();
            var daemon = new Daemon(app);
            app.MapGet("/info", () => Results.Text(info, "application/json"));
            app.MapPost("/images/load", async (HttpContext context) =>
            {
                if (status != 200)
                {
                    context.Response.StatusCode = status;
                    await context.Response.WriteAsync("""{"message":"disk full"}""");
                    return;
                }

                // The real daemon sends its headers before it has read the archive.
                await context.Response.StartAsync();
                using var body = new MemoryStream();
                await context.Request.Body.CopyToAsync(body);
                daemon.Loaded = body.ToArray();
                await context.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(answer));
            });
            await app.StartAsync();
            return daemon;
        }

        public async ValueTask DisposeAsync()
        {
            await app.StopAsync(new CancellationToken(canceled: true));
            await app.DisposeAsync();
        }
    }
}
