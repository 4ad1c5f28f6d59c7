using Google.Protobuf;
using Microsoft.AspNetCore.Http;
using Slipway.Contract.Connect;
using Slipway.Contract.Depot.Cli.V1Beta1;
using Xunit;
using ListOrganizationResponse = Slipway.Contract.Depot.Core.V1.ListOrganizationResponse;
using ListOrganizationsRequest = Slipway.Contract.Depot.Core.V1.ListOrganizationsRequest;
using Organization = Slipway.Contract.Depot.Core.V1.Organization;

namespace Slipway.Tests.Cli;

/// <summary>Signing in and out: the device flow, its terminal, and what is kept.</summary>
public sealed class LoginTests : IAsyncLifetime
{
    private readonly CliScene _scene = new();
    private ConnectDouble _server = null!;

    public async ValueTask InitializeAsync()
    {
        _server = (await ConnectDouble.StartAsync()).WithBuild("tcp://127.0.0.1:1")
            .On("StartLogin", StartLoginRequest.Parser, _ => new StartLoginResponse { Id = "poll-id", ApproveUrl = "https://server.example/login/7kqw-m2xe-pd4t" })
            .OnRaw("FinishLogin", (context, body) => StreamAsync(context, body, "fresh"))
            .On("ListOrganizations", ListOrganizationsRequest.Parser, _ => new ListOrganizationResponse { Organizations = { new Organization { OrgId = "o1", Name = "one" } } });
        _scene.Environment["DEPOT_API_URL"] = _server.Url;
        _scene.Environment["XDG_CONFIG_HOME"] = Path.Combine(_scene.Folder, "config");
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _scene.Dispose();
    }

    [Fact]
    public async Task Somebody_approves_and_the_token_is_kept_for_this_server()
    {
        var (exitCode, output, error) = await _scene.RunAsync(["login"]);
        Assert.Equal((0, "Successfully authenticated!\n"), (exitCode, output));
        Assert.Equal(
            "Please visit the following URL to authenticate the CLI:\n\n    https://server.example/login/7kqw-m2xe-pd4t\n\n"
            + "The page shows this code; approve no other one: 7kqw-m2xe-pd4t\n\nContinuing without opening browser...\nWaiting for approval\n", error);
        Assert.Equal("", _server.Headers["StartLogin"].Authorization.ToString());
        Assert.Equal("", _server.Headers["FinishLogin"].Authorization.ToString());
        Assert.Equal("application/connect+proto", _server.Headers["FinishLogin"].ContentType);
        Assert.Equal(new("fresh", "o1"), Fresh().StoredLogin);
        Assert.Equal("fresh\n", (await RunFreshAsync("login", "token")).Output);
        Assert.Equal("o1\n", (await RunFreshAsync("org", "show")).Output);
        _scene.Environment["DEPOT_API_URL"] = "http://127.0.0.1:1";
        Assert.Contains("not logged in", (await RunFreshAsync("login", "token")).Error);
    }

    [Fact]
    public async Task A_stored_token_is_checked_before_it_counts_as_a_login()
    {
        await _scene.RunAsync(["login"]);
        Assert.Equal("You are already logged in.\n", (await RunFreshAsync("login")).Output);
        Assert.Equal("", (await RunFreshAsync("login", "--quiet")).Output);
        _server.OnRaw("FinishLogin", (context, body) => StreamAsync(context, body, "second"));
        Assert.Equal("Successfully authenticated!\n", (await RunFreshAsync("login", "--clear")).Output);
        Assert.Equal("second\n", (await RunFreshAsync("login", "token")).Output);
        _server.Fails("ListProjects", 401, "unauthenticated", "revoked");
        _server.OnRaw("FinishLogin", (context, body) => StreamAsync(context, body, "third"));
        var (_, output, error) = await RunFreshAsync("login");
        Assert.StartsWith("The stored token is no longer valid.\n", error);
        Assert.Equal("Successfully authenticated!\n", output);
    }

    [Fact]
    public async Task A_server_that_restarts_while_it_waits_is_asked_again()
    {
        var tries = 0;
        _server.OnRaw("FinishLogin", (context, body) =>
        {
            if (Interlocked.Increment(ref tries) > 1)
            {
                return StreamAsync(context, body, "fresh");
            }

            context.Abort();
            return Task.CompletedTask;
        });
        Assert.Equal(0, (await _scene.RunAsync(["login"])).ExitCode);
        Assert.Equal(2, tries);
    }

    [Fact]
    public async Task A_login_that_nobody_approves_says_so()
    {
        _server.OnRaw("FinishLogin", async (context, _) =>
        {
            context.Response.ContentType = "application/connect+proto";
            await context.Response.Body.WriteAsync(Envelope.Frame(Envelope.EndOfStream, """{"error":{"code":"not_found","message":"the login has expired"}}"""u8));
        });
        var (exitCode, _, error) = await _scene.RunAsync(["login"]);
        Assert.Equal(1, exitCode);
        Assert.EndsWith("Error: not_found: the login has expired\n", error);
        Assert.Null(Fresh().StoredLogin.Token);
    }

    [Fact]
    public async Task One_of_several_organizations_is_chosen_with_the_keys()
    {
        Organizations(("o1", "one"), ("o2", "two"), ("o3", "three"));
        _scene.Interactive = true;
        _scene.Input = new MemoryStream("\e[B\e[B\e[A\r"u8.ToArray());
        var (_, _, error) = await _scene.RunAsync(["login"]);
        Assert.Contains("Select an organization", error);
        Assert.Equal("o2", Fresh().StoredLogin.OrganizationId);
    }

    [Fact]
    public async Task Where_nobody_can_be_asked_the_choice_is_left_open()
    {
        Organizations(("o1", "one"), ("o2", "two"));
        Assert.Contains("depot org switch", (await _scene.RunAsync(["login"])).Error);
        Assert.Null(Fresh().StoredLogin.OrganizationId);
        Assert.Equal("Current organization updated.\n", (await RunFreshAsync("org", "switch", "o2")).Output);
        Assert.Equal("o2\n", (await RunFreshAsync("org", "show")).Output);
        Assert.Equal("Error: organization with ID o9 not found\nYours: o1 (one), o2 (two)\n", (await RunFreshAsync("org", "switch", "o9")).Error);
        Assert.Equal("Organization ID,Name\no1,one\no2,two\n", (await RunFreshAsync("org", "list")).Output);
        Assert.StartsWith("[\n  {\n    \"OrgId\": \"o1\",\n    \"Name\": \"one\"\n  },", (await RunFreshAsync("org", "list", "--output", "json")).Output);
    }

    [Fact]
    public async Task At_a_terminal_a_command_without_a_token_signs_in_first()
    {
        _scene.Interactive = true;
        var (exitCode, output, error) = await _scene.RunAsync(["list", "projects", "--output", "csv"]);
        Assert.Equal((0, "Project ID,Name\np1,one\n"), (exitCode, output));
        Assert.Contains("Please visit the following URL", error);
        Assert.Equal("Bearer fresh", _server.Headers["ListProjects"].Authorization);
    }

    [Fact]
    public async Task A_settings_folder_that_cannot_be_written_is_named()
    {
        _scene.Environment["XDG_CONFIG_HOME"] = _scene.Write("file", "");
        var (exitCode, _, error) = await _scene.RunAsync(["login"]);
        Assert.Equal(1, exitCode);
        Assert.Contains("could not write the settings file", error);
        Assert.Contains("DEPOT_TOKEN", error);
    }

    [Fact]
    public async Task Init_offers_the_projects()
    {
        _scene.Environment["DEPOT_TOKEN"] = "t";
        _server.On("ListProjects", ListProjectsRequest.Parser, _ => new ListProjectsResponse
        {
            Projects =
            {
                new ListProjectsResponse.Types.Project { Id = "p1", Name = "web", OrgName = "org" },
                new ListProjectsResponse.Types.Project { Id = "p2", Name = "api", OrgName = "org" },
            },
        });
        Assert.Equal("Error: missing project ID; please pass --project\nYour projects: p1 (web), p2 (api)\n", (await _scene.RunAsync(["init"])).Error);
        _scene.Interactive = true;
        _scene.Input = new MemoryStream("apx\x7f\r"u8.ToArray());
        Assert.Equal($"Project api (org) initialized in directory {_scene.Folder}\n", (await _scene.RunAsync(["init"])).Output);
        _scene.Input = new MemoryStream([3]);
        Assert.Equal(130, (await _scene.RunAsync(["init", "--force"])).ExitCode);
        Assert.Equal("{\"id\":\"p2\"}\n", File.ReadAllText(Path.Combine(_scene.Folder, "depot.json")));
    }

    private void Organizations(params (string Id, string Name)[] all) => _server.On("ListOrganizations", ListOrganizationsRequest.Parser, _ =>
    {
        var answer = new ListOrganizationResponse();
        answer.Organizations.Add(all.Select(one => new Organization { OrgId = one.Id, Name = one.Name }));
        return answer;
    });

    // The settings are read once per process.
    private Depot.Cli.Settings.CliSettings Fresh() => new(_scene.Environment.GetValueOrDefault);

    private async Task<(int ExitCode, string Output, string Error)> RunFreshAsync(params string[] words)
    {
        _scene.Settings = Fresh();
        return await _scene.RunAsync(words);
    }

    private static async Task StreamAsync(HttpContext context, byte[] body, string token)
    {
        Assert.Equal("poll-id", FinishLoginRequest.Parser.ParseFrom(body.AsSpan(Envelope.PrefixLength)).Id);
        context.Response.ContentType = "application/connect+proto";
        await context.Response.Body.WriteAsync(Envelope.Frame(0, new FinishLoginResponse { Token = token }.ToByteArray()));
        await context.Response.Body.FlushAsync();
        await context.Response.Body.WriteAsync(Envelope.Frame(Envelope.EndOfStream, "{}"u8));
    }
}
