using System.Net;
using System.Text;
using Depot.Cli;
using Microsoft.AspNetCore.Http;
using Slipway.Tests.BuildKit.Proxies;
using Xunit;

namespace Slipway.Tests.Cli;

/// <summary>Dockerfiles and definitions at http addresses, which this machine reads.</summary>
public sealed class RemoteFileTests : IAsyncLifetime
{
    private readonly CliScene _scene = new();
    private ConnectDouble _server = null!;

    public async ValueTask InitializeAsync() => _server = await ConnectDouble.StartAsync(Microsoft.AspNetCore.Server.Kestrel.Core.HttpProtocols.Http1);

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _scene.Dispose();
    }

    [Fact]
    public async Task A_Dockerfile_comes_through_the_users_proxy_with_the_login_of_its_address()
    {
        _server.OnRaw("Dockerfile.web", (context, _) => context.Response.WriteAsync("FROM scratch\n"));
        await using var proxy = new ProxyDouble { AllTo = new Uri(_server.Url).Port };
        _scene.Environment["http_proxy"] = $"http://{proxy.Address}";
        var plan = await _scene.ResolveAsync("-f", "http://me:p%40ss@files.test/x/Dockerfile.web", ".");
        using var inputs = plan.Inputs;
        Assert.Equal("FROM scratch\n", File.ReadAllText(Path.Combine(inputs.Folders["dockerfile"], "Dockerfile")));
        Assert.Contains("files.test", Assert.Single(proxy.Asked));
        Assert.Equal($"Basic {Convert.ToBase64String("me:p@ss"u8)}", _server.Headers["Dockerfile.web"].Authorization);
    }

    [Fact]
    public async Task An_address_without_a_Dockerfile_is_told_without_its_login()
    {
        var address = _server.Url.Replace("://", "://me:secret@");
        var problem = await Assert.ThrowsAsync<CliException>(() => _scene.ResolveAsync("-f", $"{address}/missing", "."));
        Assert.Equal($"failed to build: failed to read dockerfile: Get \"{_server.Url}/missing\": 404 Not Found", problem.Message);
        Assert.NotEmpty(problem.Remedy!);
    }

    [Fact]
    public async Task A_server_that_is_not_there_is_told_in_the_words_of_every_tool()
    {
        var url = _server.Url;
        await _server.DisposeAsync();
        var problem = await Assert.ThrowsAsync<CliException>(() => _scene.ResolveAsync("-f", $"{url}/Dockerfile", "."));
        Assert.EndsWith($"Get \"{url}/Dockerfile\": connection refused", problem.Message);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_file_without_end_is_given_up_at_the_limit(bool saysItsLength)
    {
        _server.OnRaw("Dockerfile", async (context, _) =>
        {
            context.Response.ContentLength = saysItsLength ? 1 << 30 : null;
            var line = Encoding.UTF8.GetBytes(new string('#', 1 << 16));
            for (var i = 0; i < 32 && !context.RequestAborted.IsCancellationRequested; i++)
            {
                await context.Response.Body.WriteAsync(line);
            }
        });
        var problem = await Assert.ThrowsAsync<CliException>(() => _scene.ResolveAsync("-f", $"{_server.Url}/Dockerfile", "."));
        Assert.Equal($"failed to build: failed to read dockerfile: {_server.Url}/Dockerfile is larger than 512 KiB", problem.Message);
    }

    [Fact]
    public async Task A_definition_is_read_and_an_archive_is_refused()
    {
        _server.OnRaw("docker-bake.hcl", (context, _) => context.Response.WriteAsync("target \"default\" {\n  args = { a = \"1\" }\n}\n"));
        _server.OnRaw("a.tgz", (context, _) => context.Response.Body.WriteAsync(new byte[] { 0x1f, 0x8b, 0x08, 0 }).AsTask());
        var (exitCode, output, _) = await _scene.RunAsync(["bake", "--print", $"{_server.Url}/docker-bake.hcl"]);
        Assert.Equal(0, exitCode);
        Assert.Contains("\"a\": \"1\"", output);

        (exitCode, _, var error) = await _scene.RunAsync(["bake", "--print", $"{_server.Url}/a.tgz"]);
        Assert.Equal(1, exitCode);
        Assert.Contains("is an archive", error);
    }

    [Fact]
    public async Task A_server_that_fails_is_told_with_what_it_answers()
    {
        _server.OnRaw("bake.hcl", (context, _) =>
        {
            context.Response.StatusCode = (int)HttpStatusCode.ServiceUnavailable;
            return Task.CompletedTask;
        });
        var (exitCode, _, error) = await _scene.RunAsync(["bake", "--print", $"{_server.Url}/bake.hcl"]);
        Assert.Equal(1, exitCode);
        Assert.Contains($"ERROR: failed to read the definition: Get \"{_server.Url}/bake.hcl\": 503 Service Unavailable\n", error);
    }
}
