using System.Collections.Concurrent;
using System.Net;
using System.Text;
using System.Text.Json;
using Depot.Cli;
using Depot.Cli.ControlPlane;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Slipway.Contract.Depot.Cli.V1Beta1;
using Xunit;

namespace Slipway.Tests.Cli;

/// <summary>A CI job without DEPOT_TOKEN finds its provider by itself. The providers' endpoints are doubles on real sockets.</summary>
public sealed class OidcTests : IAsyncLifetime
{
    private readonly CliScene _scene = new();
    private readonly ConcurrentQueue<(string Line, string Authorization, string Body)> _asked = new();
    private Func<HttpContext, Task> _answer = context => context.Response.WriteAsync("");
    private WebApplication _provider = null!;
    private ConnectDouble _server = null!;
    private string _url = "";

    public async ValueTask InitializeAsync()
    {
        var builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        _provider = builder.Build();
        _provider.Run(async context =>
        {
            using var reader = new StreamReader(context.Request.Body);
            var line = $"{context.Request.Method} {context.Request.Path}{context.Request.QueryString}";
            _asked.Enqueue((line, context.Request.Headers.Authorization.ToString(), await reader.ReadToEndAsync()));
            await _answer(context);
        });
        await _provider.StartAsync();
        _url = _provider.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        _server = (await ConnectDouble.StartAsync()).WithBuild("tcp://127.0.0.1:1");
        _scene.Environment["DEPOT_API_URL"] = _server.Url;
    }

    public async ValueTask DisposeAsync()
    {
        await _provider.StopAsync(new CancellationToken(canceled: true));
        await _provider.DisposeAsync();
        await _server.DisposeAsync();
        _scene.Dispose();
    }

    [Theory]
    [InlineData(200)]
    [InlineData(201)]
    public async Task A_Buildkite_step_asks_its_agent_for_a_token_for_this_server(int status)
    {
        Buildkite();
        Answer(status, """{"token":"from-buildkite"}""");
        await ListProjectsAsync();
        var (line, authorization, body) = Assert.Single(_asked);
        Assert.Equal("POST /v3/jobs/job-1/oidc/tokens", line);
        Assert.Equal("Token agent-secret", authorization);
        Assert.Equal($"{{\"audience\":\"{_server.Url}\"}}", body);
        Assert.Equal("Bearer from-buildkite", _server.Headers["ListProjects"].Authorization);
    }

    [Theory]
    [InlineData("?api-version=2.0", "?api-version=2.0&audience=")]
    [InlineData("", "?audience=")]
    public async Task A_GitHub_job_asks_at_the_address_it_was_given(string query, string expected)
    {
        GitHub(query);
        Answer(200, """{"count":1,"value":"from-github"}""");
        await ListProjectsAsync();
        var (line, authorization, _) = Assert.Single(_asked);
        Assert.Equal($"GET /token{expected}{Uri.EscapeDataString(_server.Url)}", line);
        Assert.Equal("bearer request-secret", authorization);
        Assert.Equal("Bearer from-github", _server.Headers["ListProjects"].Authorization);
    }

    [Theory]
    [InlineData("GITLAB_CI", "DEPOT_OIDC_TOKEN")]
    [InlineData("CIRCLECI", "CIRCLE_OIDC_TOKEN_V2")]
    [InlineData("WOODPECKER", "DEPOT_OIDC_TOKEN")]
    public async Task A_job_that_was_handed_its_token_uses_it(string mark, string variable)
    {
        (_scene.Environment[mark], _scene.Environment[variable]) = ("true", "handed\n");
        await ListProjectsAsync();
        Assert.Equal("Bearer handed", _server.Headers["ListProjects"].Authorization);
        Assert.Empty(_asked);
    }

    [Fact]
    public async Task A_token_in_a_file_is_read_each_time_it_is_needed()
    {
        _scene.Environment["DEPOT_OIDC_TOKEN_FILE"] = _scene.Write("token", "from-file\n");
        await ListProjectsAsync();
        Assert.Equal("Bearer from-file", _server.Headers["ListProjects"].Authorization);
        _scene.Environment["DEPOT_OIDC_TOKEN_FILE"] = "/nowhere/token";
        var (_, _, error) = await _scene.RunAsync(["list", "projects"]);
        Assert.Contains("/nowhere/token", error);
    }

    [Fact]
    public async Task A_static_token_comes_before_the_providers_and_the_providers_in_the_published_clients_order()
    {
        Buildkite();
        GitHub("");
        Answer(200, """{"token":"from-buildkite","value":"from-github"}""");
        _scene.Environment["DEPOT_TOKEN"] = "static";
        await ListProjectsAsync();
        Assert.Empty(_asked);
        _scene.Environment.Remove("DEPOT_TOKEN");
        await ListProjectsAsync();
        Assert.Equal("Bearer from-github", _server.Headers["ListProjects"].Authorization);

        // The next one is asked where the first refuses.
        _answer = context => WriteAsync(context, context.Request.Method == "GET" ? 403 : 200, """{"token":"from-buildkite"}""");
        await ListProjectsAsync();
        Assert.Equal("Bearer from-buildkite", _server.Headers["ListProjects"].Authorization);
    }

    [Fact]
    public async Task The_audience_can_be_set()
    {
        Buildkite();
        _scene.Environment["DEPOT_OIDC_AUDIENCE"] = "https://public.example.com";
        Answer(200, """{"token":"t"}""");
        await ListProjectsAsync();
        Assert.Equal("""{"audience":"https://public.example.com"}""", Assert.Single(_asked).Body);
    }

    [Fact]
    public async Task An_answer_that_may_pass_is_asked_for_again()
    {
        Buildkite();
        _answer = context => WriteAsync(context, _asked.Count < 3 ? 503 : 200, """{"token":"third"}""");
        await ListProjectsAsync();
        Assert.Equal(3, _asked.Count);
        Assert.Equal("Bearer third", _server.Headers["ListProjects"].Authorization);
    }

    [Fact]
    public async Task A_refusal_says_who_was_asked_what_it_answered_and_what_to_do()
    {
        Buildkite();
        Answer(403, """{"message":"Not allowed\nby policy"}""");
        var (exitCode, output, error) = await _scene.RunAsync(["list", "projects"]);
        Assert.Equal(
            $"Error: Buildkite refused a token: POST {_url}/v3/jobs/job-1/oidc/tokens: 403 Forbidden: Not allowed by policy\nLook at the job's rights to OIDC tokens, or set DEPOT_TOKEN.\n", error);
        Assert.Equal((1, ""), (exitCode, output));
        Assert.DoesNotContain("agent-secret", error);
        Assert.Single(_asked);
        Assert.Empty(_server.Calls);
    }

    [Theory]
    [InlineData("""{"other":1}""", "without a token")]
    [InlineData("<html>", "without a token")]
    public async Task An_answer_without_a_token_is_told_of(string body, string expected)
    {
        Buildkite();
        Answer(200, body);
        Assert.Contains(expected, (await _scene.RunAsync(["list", "projects"])).Error);
    }

    [Theory]
    [InlineData("BUILDKITE", "BUILDKITE_AGENT_ACCESS_TOKEN and BUILDKITE_JOB_ID are not set")]
    [InlineData("GITHUB_ACTIONS", "id-token: write")]
    [InlineData("GITLAB_CI", "id_tokens: {DEPOT_OIDC_TOKEN: {aud: http://127.0.0.1")]
    [InlineData("CIRCLECI", "CIRCLE_OIDC_TOKEN_V2")]
    [InlineData("CI", "DEPOT_TOKEN")]
    public async Task A_job_that_lacks_something_is_told_what(string mark, string expected)
    {
        _scene.Environment[mark] = "true";
        var (exitCode, _, error) = await _scene.RunAsync(["list", "projects"]);
        Assert.StartsWith("Error: missing API token, please run `depot login`\n", error);
        Assert.Contains(expected, error);
        Assert.Equal(1, exitCode);
        Assert.Equal(2, error.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
    }

    [Fact]
    public async Task A_token_is_fetched_when_it_is_needed_kept_and_fetched_anew_before_it_runs_out()
    {
        Buildkite();
        var clock = new Microsoft.Extensions.Time.Testing.FakeTimeProvider(DateTimeOffset.UtcNow);
        _answer = context => WriteAsync(context, 200, $$"""{"token":"{{Jwt(clock.GetUtcNow(), TimeSpan.FromMinutes(5), _asked.Count)}}"}""");
        using var credentials = Credentials.Resolve(null, _scene.Context(clock));
        Assert.Empty(_asked);
        var first = await credentials.TokenAsync(CancellationToken.None);
        clock.Advance(TimeSpan.FromMinutes(4));
        Assert.Equal(first, await credentials.TokenAsync(CancellationToken.None));
        clock.Advance(TimeSpan.FromSeconds(45));
        Assert.NotEqual(first, await credentials.TokenAsync(CancellationToken.None));
        Assert.Equal(2, _asked.Count);
    }

    [Fact]
    public async Task A_token_that_the_server_no_longer_takes_is_fetched_anew_once()
    {
        Buildkite();
        var clock = new Microsoft.Extensions.Time.Testing.FakeTimeProvider(DateTimeOffset.UtcNow);
        _answer = context => WriteAsync(context, 200, $$"""{"token":"t{{_asked.Count}}"}""");
        using var credentials = Credentials.Resolve(null, _scene.Context(clock));
        await credentials.TokenAsync(CancellationToken.None);
        clock.Advance(TimeSpan.FromMinutes(1));
        var tried = new List<string>();
        Task<string> TakesOnly(string accepted, string token)
        {
            tried.Add(token);
            return token == accepted ? Task.FromResult("done") : throw new Depot.Cli.ControlPlane.ApiException("unauthenticated", "unauthenticated: no");
        }

        Assert.Equal("done", await credentials.UseAsync(token => TakesOnly("t2", token), CancellationToken.None));
        Assert.Equal(["t1", "t2"], tried);
        await Assert.ThrowsAsync<Depot.Cli.ControlPlane.ApiException>(() => credentials.UseAsync(token => TakesOnly("never", token), CancellationToken.None));
        Assert.Equal(["t1", "t2", "t2"], tried);
    }

    [Fact]
    public async Task The_jobs_own_token_is_the_last_resort()
    {
        Buildkite();
        Answer(403, "{}");
        _scene.Environment["DEPOT_JIT_TOKEN"] = "job";
        await ListProjectsAsync();
        Assert.Equal("Bearer job", _server.Headers["ListProjects"].Authorization);
    }

    [Fact]
    public async Task A_build_gets_its_own_token_after_the_first_call()
    {
        Buildkite();
        Answer(200, """{"token":"from-buildkite"}""");
        _scene.Write("app/Dockerfile", "FROM scratch\n");
        _scene.Environment["DEPOT_PROJECT_ID"] = "p1";
        _server.Fails("GetBuildKitConnection", 403, "permission_denied", "enough seen");
        await _scene.RunAsync(["build", "-o", "type=cacheonly", "app"]);
        Assert.Equal("Bearer from-buildkite", _server.Headers["CreateBuild"].Authorization);
        Assert.Equal("Bearer build-token", _server.Headers["FinishBuild"].Authorization);
        Assert.Single(_asked);
    }

    private async Task ListProjectsAsync()
    {
        var (exitCode, output, error) = await _scene.RunAsync(["list", "projects"]);
        Assert.Equal((0, "Project ID,Name\np1,one\n", ""), (exitCode, output, error));
    }

    private void Buildkite()
    {
        _scene.Environment["BUILDKITE"] = "true";
        _scene.Environment["BUILDKITE_AGENT_ENDPOINT"] = $"{_url}/v3";
        _scene.Environment["BUILDKITE_AGENT_ACCESS_TOKEN"] = "agent-secret";
        _scene.Environment["BUILDKITE_JOB_ID"] = "job-1";
    }

    private void GitHub(string query)
    {
        _scene.Environment["GITHUB_ACTIONS"] = "true";
        _scene.Environment["ACTIONS_ID_TOKEN_REQUEST_URL"] = $"{_url}/token{query}";
        _scene.Environment["ACTIONS_ID_TOKEN_REQUEST_TOKEN"] = "request-secret";
    }

    private void Answer(int status, string body) => _answer = context => WriteAsync(context, status, body);

    private static Task WriteAsync(HttpContext context, int status, string body)
    {
        context.Response.StatusCode = status;
        return context.Response.WriteAsync(body);
    }

    private static string Jwt(DateTimeOffset now, TimeSpan life, int number)
    {
        var claims = JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, long> { ["iat"] = now.ToUnixTimeSeconds(), ["exp"] = (now + life).ToUnixTimeSeconds(), ["jti"] = number });
        return $"e30.{System.Buffers.Text.Base64Url.EncodeToString(claims)}.c2ln";
    }
}
