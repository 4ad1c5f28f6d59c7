using System.Net;
using Dapper;
using Grpc.Core;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Time.Testing;
using Slipway.Contract.Admin.V1;
using Slipway.Contract.Depot.Cli.V1;
using Slipway.Contract.Depot.Cli.V1Beta1;
using Slipway.Server.Pages;
using Slipway.Tests.Server.Support;
using Xunit;

namespace Slipway.Tests.Server;

/// <summary>The pages: signing in, letting a terminal in, and what is shown to whom.</summary>
public sealed class PageTests : IAsyncLifetime
{
    private const string Password = "correct horse battery staple";
    private readonly FakeTimeProvider _clock = new(DateTimeOffset.UtcNow);
    private TestServer _server = null!;
    private Browser _browser = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await TestServer.StartAsync(_clock);
        _browser = new Browser(_server.Url);
    }

    public async ValueTask DisposeAsync()
    {
        _browser.Dispose();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task An_invited_person_sets_a_password_once_and_is_in()
    {
        var invited = await _server.Admin().InviteUserAsync(new InviteUserRequest { Email = "Ann@Example.com ", Role = "viewer" });
        Assert.Contains("ann@example.com", await _browser.ReadAsync(invited.Link));

        using var weak = await _browser.SubmitAsync(invited.Link, ("password", "short"));
        Assert.Equal(HttpStatusCode.BadRequest, weak.StatusCode);
        Assert.Contains("it needs 15 or more", await weak.Content.ReadAsStringAsync());
        using var named = await _browser.SubmitAsync(invited.Link, ("password", "ann is a good name"));
        Assert.Contains("contains your name", await named.Content.ReadAsStringAsync());
        using var accepted = await _browser.SubmitAsync(invited.Link, ("password", Password));
        Assert.Equal(("/", HttpStatusCode.Found), (accepted.Headers.Location?.ToString(), accepted.StatusCode));

        Assert.Contains("default (viewer)", await _browser.ReadAsync("/"));
        Assert.Contains("This invitation is over", await _browser.ReadAsync(invited.Link));
        var listed = Assert.Single((await _server.Admin().ListUsersAsync(new ListUsersRequest())).Users);
        Assert.Equal(("ann@example.com", "viewer", "active"), (listed.Email, listed.Role, listed.State));
        AssertNotStored(Password, invited.Link.Split('/')[^1], _browser.Session!);
    }

    [Fact]
    public async Task Another_organizations_invitation_gives_nothing_away_and_nothing_of_the_first()
    {
        var (email, _) = await _server.CreateUserAsync(_server.First.OrganizationId, "owner", Password);
        var other = await _server.Admin().CreateOrganizationAsync(new CreateOrganizationRequest { Name = "other" });
        var invited = await _server.Admin().InviteUserAsync(new InviteUserRequest { Email = email, OrganizationId = other.Id, Role = "member" });

        // Whoever has the link and not the account gets no further.
        using var taken = await _browser.SubmitAsync(invited.Link, ("password", "another long password"));
        Assert.Contains("You have an account", await taken.Content.ReadAsStringAsync());
        Assert.Null(_browser.Session);

        await _browser.SignInAsync(email, Password);
        using var accepted = await _browser.SubmitAsync(invited.Link);
        Assert.Equal(HttpStatusCode.Found, accepted.StatusCode);
        var home = await _browser.ReadAsync("/");
        Assert.Contains("default (owner)", home);
        Assert.Contains("other (member)", home);
    }

    [Fact]
    public async Task A_wrong_name_and_a_wrong_password_read_the_same_and_too_many_are_stopped()
    {
        var (email, _) = await _server.CreateUserAsync(_server.First.OrganizationId, "member", Password);
        using var wrongName = await _browser.SignInAsync("nobody@example.com", Password);
        using var wrongPassword = await _browser.SignInAsync(email, "not the password");
        Assert.Equal(HttpStatusCode.Forbidden, wrongName.StatusCode);
        Assert.Equal(
            (await wrongName.Content.ReadAsStringAsync()).Replace("nobody@example.com", email), await wrongPassword.Content.ReadAsStringAsync());

        for (var i = 0; i < 9; i++)
        {
            (await _browser.SignInAsync(email, "not the password")).Dispose();
        }

        using var stopped = await _browser.SignInAsync(email, Password);
        Assert.Contains("Too many attempts", await stopped.Content.ReadAsStringAsync());
        Assert.Contains(await _server.AuditAsync("session.open"), record => record.Actor == $"user {email}" && record.Outcome == "denied");

        _clock.Advance(TimeSpan.FromMinutes(15));
        using var again = await _browser.SignInAsync(email, Password);
        Assert.Equal(HttpStatusCode.Found, again.StatusCode);
    }

    [Fact]
    public async Task A_session_ends_when_idle_at_its_age_and_on_signing_out()
    {
        var (email, _) = await _server.CreateUserAsync(_server.First.OrganizationId, "member", Password);
        await _browser.SignInAsync(email, Password);
        var first = _browser.Session;
        var cookie = _browser.Cookies.GetAllCookies()["slipway"]!;
        Assert.True(cookie.HttpOnly);

        _clock.Advance(TimeSpan.FromHours(13));
        Assert.DoesNotContain(email, await _browser.ReadAsync("/"));

        await _browser.SignInAsync(email, Password);
        Assert.NotEqual(first, _browser.Session);
        for (var hours = 0; hours < 7 * 24; hours += 8)
        {
            Assert.Contains(email, await _browser.ReadAsync("/"));
            _clock.Advance(TimeSpan.FromHours(8));
        }

        Assert.DoesNotContain(email, await _browser.ReadAsync("/"));

        await _browser.SignInAsync(email, Password);
        var stolen = _browser.Session!;
        using var signedOut = await PostKeyAsync("/sign-out");
        Assert.Equal(HttpStatusCode.Found, signedOut.StatusCode);
        _browser.Cookies.Add(_server.Url, new Cookie("slipway", stolen));
        Assert.DoesNotContain(email, await _browser.ReadAsync("/"));
    }

    [Fact]
    public async Task Over_TLS_the_session_is_bound_to_this_very_host()
    {
        await using var server = await TestServer.StartAsync(_clock, tls: true);
        var (email, _) = await server.CreateUserAsync(server.First.OrganizationId, "member", Password);
        using var http = new HttpClient(new SocketsHttpHandler
        {
            UseCookies = false, AllowAutoRedirect = false, SslOptions = { RemoteCertificateValidationCallback = (_, _, _, _) => true },
        }) { BaseAddress = server.Url };
        using var request = new HttpRequestMessage(HttpMethod.Post, "/sign-in")
        {
            Content = new FormUrlEncodedContent(new Dictionary<string, string> { ["email"] = email, ["password"] = Password }),
        };
        request.Headers.Add("Origin", server.Url.GetLeftPart(UriPartial.Authority));

        // A session that was there before, as somebody else could have left it, is not taken over.
        request.Headers.Add("Cookie", $"__Host-slipway={new string('a', 64)}");
        using var signedIn = await http.SendAsync(request);

        var cookie = signedIn.Headers.GetValues("Set-Cookie").Single();
        Assert.Matches("^__Host-slipway=[0-9a-f]{64}; max-age=604800; path=/; secure; samesite=lax; httponly$", cookie);
        Assert.DoesNotContain(new string('a', 64), cookie);
        Assert.Contains("max-age=31536000", signedIn.Headers.GetValues("Strict-Transport-Security").Single());
    }

    [Fact]
    public async Task Guessing_a_password_is_stopped_whatever_address_the_guesser_claims()
    {
        using var http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false }) { BaseAddress = _server.Url };
        async Task<string> GuessAsync(int number)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/sign-in")
            {
                Content = new FormUrlEncodedContent(new Dictionary<string, string> { ["email"] = $"somebody{number}@example.com", ["password"] = Password }),
            };
            request.Headers.Add("Origin", _server.Url.GetLeftPart(UriPartial.Authority));
            request.Headers.Add("X-Forwarded-For", $"192.0.2.{number}");
            using var answer = await http.SendAsync(request);
            return await answer.Content.ReadAsStringAsync();
        }

        for (var number = 0; number < 50; number++)
        {
            Assert.Contains("No account has this address and password", await GuessAsync(number));
        }

        Assert.Contains("Too many attempts", await GuessAsync(50));
    }

    [Fact]
    public async Task A_terminal_is_let_in_by_a_person_who_confirms()
    {
        var (email, _) = await _server.CreateUserAsync(_server.First.OrganizationId, "member", Password);
        var started = await Login().StartLoginAsync(new StartLoginRequest());
        var path = new Uri(started.ApproveUrl).AbsolutePath;
        Assert.DoesNotContain(started.Id, started.ApproveUrl);
        var token = FinishAsync(started.Id);

        using var stranger = await _browser.GetAsync(path);
        Assert.Equal($"/sign-in?to={Uri.EscapeDataString(path)}", stranger.Headers.Location?.ToString());
        await _browser.SignInAsync(email, Password);
        var page = await _browser.ReadAsync(path);
        Assert.Contains(path.Split('/')[^1], page);
        Assert.Contains("127.0.0.1", page);
        Assert.Contains("grpc-dotnet", page);

        using var forged = await _browser.PostAsync(path, "https://evil.example", ("decision", "approve"));
        using var keyless = await _browser.PostAsync(path, _server.Url.GetLeftPart(UriPartial.Authority), ("decision", "approve"));
        Assert.Equal((HttpStatusCode.Forbidden, HttpStatusCode.Forbidden), (forged.StatusCode, keyless.StatusCode));
        Assert.False(token.IsCompleted);

        using var approved = await _browser.SubmitAsync(path, ("decision", "approve"));
        Assert.Contains("Go back to the terminal", await approved.Content.ReadAsStringAsync());
        await TestWait.UntilAsync(() =>
        {
            _clock.Advance(TimeSpan.FromSeconds(1));
            return token.IsCompleted;
        });
        var projects = await new ProjectsService.ProjectsServiceClient(_server.Invoker(await token)).ListProjectsAsync(new());
        Assert.Single(projects.Projects);

        // Everything about it is over now.
        Assert.Equal(StatusCode.NotFound, await CodeAsync(started.Id));
        Assert.Contains("This login is over", await _browser.ReadAsync(path));
        AssertNotStored(started.Id, await token, path.Split('/')[^1]);
        Assert.Equal(["login.finish denied", "login.approve ok"], (await _server.AuditAsync("login.")).Select(record => $"{record.Action} {record.Outcome}"));
    }

    [Fact]
    public async Task A_login_that_is_denied_or_late_or_asked_for_by_its_code_gives_no_token()
    {
        var (email, _) = await _server.CreateUserAsync(_server.First.OrganizationId, "member", Password);
        await _browser.SignInAsync(email, Password);
        var denied = await Login().StartLoginAsync(new StartLoginRequest());
        using var answer = await _browser.SubmitAsync(new Uri(denied.ApproveUrl).AbsolutePath, ("decision", "deny"));
        Assert.Contains("The terminal was not let in", await answer.Content.ReadAsStringAsync());
        Assert.Equal(StatusCode.NotFound, await CodeAsync(denied.Id));

        var late = await Login().StartLoginAsync(new StartLoginRequest());
        Assert.Equal(StatusCode.NotFound, await CodeAsync(late.ApproveUrl.Split('/')[^1]));
        _clock.Advance(TimeSpan.FromMinutes(10) + TimeSpan.FromSeconds(1));
        Assert.Contains("This login is over", await _browser.ReadAsync(new Uri(late.ApproveUrl).AbsolutePath));
        Assert.Equal(StatusCode.NotFound, await CodeAsync(late.Id));
    }

    [Fact]
    public async Task One_address_cannot_fill_the_server_with_logins()
    {
        for (var i = 0; i < 20; i++)
        {
            await Login().StartLoginAsync(new StartLoginRequest());
        }

        var refused = await Assert.ThrowsAsync<RpcException>(async () => await Login().StartLoginAsync(new StartLoginRequest()));
        Assert.Equal(StatusCode.ResourceExhausted, refused.StatusCode);
    }

    [Fact]
    public async Task What_people_and_steps_wrote_is_shown_as_text()
    {
        const string hostile = "<script>window.pwned=1</script>\"'><img src=x onerror=pwn()>";
        var project = await _server.Admin().CreateProjectAsync(new CreateProjectRequest { OrganizationId = _server.First.OrganizationId, Name = hostile });
        var build = await _server.Builds().CreateBuildAsync(new CreateBuildRequest { ProjectId = project.Id });
        await _server.Builds(build.BuildToken).FinishBuildAsync(new FinishBuildRequest { BuildId = build.BuildId, Error = new() { Error = hostile } });
        var (email, _) = await _server.CreateUserAsync(_server.First.OrganizationId, "viewer", Password);
        await _browser.SignInAsync(email, Password);

        foreach (var path in new[] { "/", $"/projects/{project.Id}", $"/builds/{build.BuildId}" })
        {
            using var response = await _browser.GetAsync(path);
            var page = await response.Content.ReadAsStringAsync();
            Assert.Contains(build.BuildId, page);
            Assert.DoesNotContain("<script", page);
            Assert.DoesNotContain("<img", page);
            Assert.Contains("default-src 'none'; style-src 'self'", response.Headers.GetValues("Content-Security-Policy").Single());
            Assert.Contains("frame-ancestors 'none'", response.Headers.GetValues("Content-Security-Policy").Single());
            Assert.Equal("no-store", response.Headers.CacheControl?.ToString());
        }
    }

    [Fact]
    public async Task Other_organizations_things_look_absent()
    {
        var other = await _server.Admin().CreateOrganizationAsync(new CreateOrganizationRequest { Name = "other" });
        var project = await _server.Admin().CreateProjectAsync(new CreateProjectRequest { OrganizationId = other.Id, Name = "secret" });
        var build = await _server.Builds().CreateBuildAsync(new CreateBuildRequest { ProjectId = project.Id });
        var (email, _) = await _server.CreateUserAsync(_server.First.OrganizationId, "owner", Password);
        await _browser.SignInAsync(email, Password);

        Assert.Equal(await _browser.ReadAsync("/projects/pnobody"), await _browser.ReadAsync($"/projects/{project.Id}"));
        Assert.Equal(await _browser.ReadAsync("/builds/bnobody"), await _browser.ReadAsync($"/builds/{build.BuildId}"));
        Assert.DoesNotContain("secret", await _browser.ReadAsync("/"));
        Assert.Contains(await _server.AuditAsync("GET /projects/"), record => record.Outcome == "denied");
    }

    [Theory]
    [InlineData("/projects/p1", "/projects/p1")]
    [InlineData("https://evil.example", "/")]
    [InlineData("//evil.example", "/")]
    [InlineData("/\\evil.example", "/")]
    [InlineData("/a\nb", "/")]
    [InlineData(null, "/")]
    public void After_signing_in_one_stays_on_this_site(string? asked, string expected) => Assert.Equal(expected, PageGate.LocalPath(asked));

    [Theory]
    [InlineData("\u001b[31mred\u001b[0m", "<span class=\"c1\">red</span>")]
    [InlineData("\u001b]8;;https://evil.example\u0007click\u001b]8;;\u0007", "click")]
    [InlineData("\u001b]0;title\u001b\\text\u0000\u0008", "text")]
    [InlineData("a\tb", "a\tb")]
    public void What_a_step_told_a_terminal_to_do_is_left_out(string line, string expected) => Assert.Equal(expected, AnsiText.Coloured(line).Markup);

    private LoginService.LoginServiceClient Login() => new(_server.Invoker(null));

    private async Task<string> FinishAsync(string id)
    {
        using var finish = Login().FinishLogin(new FinishLoginRequest { Id = id });
        Assert.True(await finish.ResponseStream.MoveNext(default));
        return finish.ResponseStream.Current.Token;
    }

    private async Task<StatusCode> CodeAsync(string id) => (await Assert.ThrowsAsync<RpcException>(() => FinishAsync(id))).StatusCode;

    private async Task<HttpResponseMessage> PostKeyAsync(string path)
    {
        var key = System.Text.RegularExpressions.Regex.Match(await _browser.ReadAsync("/"), "name=\"key\" value=\"([^\"]+)\"").Groups[1].Value;
        return await _browser.PostAsync(path, _server.Url.GetLeftPart(UriPartial.Authority), ("key", key));
    }

    private void AssertNotStored(params string[] secrets)
    {
        using var connection = new SqliteConnection($"Data Source={Path.Combine(_server.Options.DataDirectory, "slipway.db")};Mode=ReadOnly;Pooling=False");
        var tables = connection.Query<string>("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'").ToList();
        var text = string.Join('\n', tables.SelectMany(table => connection.Query($"SELECT * FROM {table}"))
            .Select(row => string.Join(' ', ((IDictionary<string, object>)row).Select(column => $"{column.Key}={column.Value}"))));
        Assert.Contains("organization_id", text);
        Assert.All(secrets, secret => Assert.DoesNotContain(secret, text));
    }
}
