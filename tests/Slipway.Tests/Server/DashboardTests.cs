using System.Net;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Routing;
using Slipway.Contract.Admin.V1;
using Slipway.Contract.Depot.Cli.V1;
using Slipway.Tests.Server.Support;
using Xunit;

namespace Slipway.Tests.Server;

/// <summary>The pages that owners work with: who sees which, that no form can be sent from elsewhere, and that names stay text.</summary>
public sealed class DashboardTests : IAsyncLifetime
{
    private const string Password = "correct horse battery staple";
    private const string Hostile = "<script>window.pwned=1</script>\"'><img src=x onerror=pwn()>{{7*7}}";

    private static readonly string[] Visitors = ["anonymous", "viewer", "member", "owner", "operator"];

    /// <summary>By page, in the order of <see cref="Visitors"/>: its own organization's, then another organization's. s: to the sign-in; y: shown; n: not found.</summary>
    private static readonly Dictionary<string, string> Table = new()
    {
        ["/"] = "y.yyyy y.yyyy",
        ["/orgs/{org}"] = "s.yyyy s.nnny",
        ["/orgs/{org}/projects"] = "s.yyyy s.nnny",
        ["/projects/{id}"] = "s.yyyy s.nnny",
        ["/projects/{id}/trust"] = "s.yyyy s.nnny",
        ["/projects/{id}/settings"] = "s.yyyy s.nnny",
        ["/projects/{id}/tokens"] = "s.nnyy s.nnny",
        ["/orgs/{org}/tokens"] = "s.nnyy s.nnny",
        ["/orgs/{org}/people"] = "s.yyyy s.nnny",
        ["/orgs/{org}/audit"] = "s.nnyy s.nnny",
        ["/audit"] = "s.nnny s.nnny",
        ["/builders"] = "s.nnny s.nnny",
        ["/account"] = "s.yyyy s.yyyy",
        ["/builds/{id}"] = "s.yyyy s.nnny",
        ["/builds/{id}/log"] = "s.yyyy s.nnny",
        ["/builds/{id}/log.txt"] = "s.yyyy s.nnny",
    };

    /// <summary>What is not somebody's: signing in, and what a link's secret opens.</summary>
    private static readonly string[] Open = ["/sign-in", "/sign-out", "/invitations/{secret}", "/login/{code}"];

    private readonly Dictionary<string, Browser> _browsers = [];
    private TestServer _server = null!;
    private (string Organization, string Project, string Build, string Trust, string Token)[] _sites = [];

    public async ValueTask InitializeAsync()
    {
        _server = await TestServer.StartAsync();
        var other = await _server.Admin().CreateOrganizationAsync(new() { Name = Hostile });
        _sites = [await SiteAsync(_server.First.OrganizationId), await SiteAsync(other.Id)];
        foreach (var visitor in Visitors)
        {
            _browsers[visitor] = new Browser(_server.Url);
            if (visitor != "anonymous")
            {
                var (email, _) = await _server.CreateUserAsync(_server.First.OrganizationId, visitor == "operator" ? "viewer" : visitor);
                await _browsers[visitor].EnterAsync(_server, email);
                await _server.Admin().SetOperatorAsync(new() { Email = email, Operator = visitor == "operator" });
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var browser in _browsers.Values)
        {
            browser.Dispose();
        }

        await _server.DisposeAsync();
    }

    [Fact]
    public void Every_page_has_its_row() =>
        Assert.Equal(Pages("GET").Except(Open).Order(StringComparer.Ordinal), Table.Keys.Order(StringComparer.Ordinal));

    [Fact]
    public async Task Every_visitor_sees_what_the_table_says_and_nothing_else_is_there()
    {
        var wrong = new List<string>();
        foreach (var (page, row) in Table)
        {
            for (var site = 0; site < 2; site++)
            {
                var expected = row.Split(' ')[site].Replace(".", "", StringComparison.Ordinal);
                for (var i = 0; i < Visitors.Length; i++)
                {
                    var path = Fill(page, _sites[site]);
                    using var answer = await _browsers[Visitors[i]].GetAsync(path);
                    var found = answer.StatusCode == HttpStatusCode.OK ? 'y' : answer.StatusCode == HttpStatusCode.NotFound ? 'n'
                        : answer.Headers.Location?.ToString() == $"/sign-in?to={Uri.EscapeDataString(path)}" ? 's' : '?';
                    if (found != expected[i])
                    {
                        wrong.Add($"{path} as {Visitors[i]}: {(int)answer.StatusCode} instead of {expected[i]}");
                    }
                }
            }
        }

        Assert.True(wrong.Count == 0, string.Join(Environment.NewLine, wrong));
    }

    [Fact]
    public async Task What_is_absent_and_what_is_forbidden_are_the_same_page()
    {
        foreach (var page in Table.Keys.Where(page => page.Contains('{')))
        {
            Assert.Equal(
                await _browsers["owner"].ReadAsync(Fill(page, ("onobody", "pnobody", "bnobody", "rnobody", "knobody"))),
                await _browsers["owner"].ReadAsync(Fill(page, _sites[1])));
        }
    }

    /// <summary>Every form there is, by the server's own table of routes: a new one cannot be forgotten.</summary>
    [Fact]
    public async Task No_form_can_be_sent_without_its_key_or_from_elsewhere()
    {
        var posts = Pages("POST").ToList();
        Assert.True(posts.Count >= 8, string.Join(' ', posts));
        var own = _server.Url.GetLeftPart(UriPartial.Authority);
        var browser = _browsers["operator"];
        var key = await KeyAsync(browser);
        foreach (var path in posts.Select(page => Fill(page, _sites[0])))
        {
            using var keyless = await browser.PostAsync(path, own);
            using var wrong = await browser.PostAsync(path, own, ("key", await KeyAsync(_browsers["viewer"])));
            using var foreign = await browser.PostAsync(path, "https://evil.example", ("key", key));
            using var nowhere = await browser.PostAsync(path, null, ("key", key));
            Assert.All([keyless, wrong, foreign, nowhere], answer => Assert.True(answer.StatusCode == HttpStatusCode.Forbidden, $"{path}: {answer.StatusCode}"));
        }

        Assert.Contains(await _server.AuditAsync("POST /projects/{id}/delete"), record => record.Detail == "a form from elsewhere (4 times)");
        Assert.Equal(2, (await _server.Admin().ListBuildsAsync(new() { ProjectId = _sites[0].Project })).Builds.Count + 1);
    }

    [Fact]
    public async Task A_form_is_refused_to_whoever_may_not_and_changes_nothing()
    {
        var own = _server.Url.GetLeftPart(UriPartial.Authority);
        foreach (var page in Pages("POST").Except(Open))
        {
            foreach (var (visitor, site) in new[] { ("viewer", 0), ("owner", 1) })
            {
                if (page.StartsWith("/account", StringComparison.Ordinal))
                {
                    continue;
                }

                var browser = _browsers[visitor];
                using var answer = await browser.PostAsync(Fill(page, _sites[site]), own, ("key", await KeyAsync(browser)), ("confirm", _sites[site].Project));
                Assert.True(answer.StatusCode == HttpStatusCode.NotFound, $"{page} as {visitor}: {answer.StatusCode}");
            }

            using var stranger = await _browsers["anonymous"].PostAsync(Fill(page, _sites[0]), own);
            Assert.Equal("/sign-in?to=%2F", stranger.Headers.Location?.ToString());
        }

        Assert.Equal(2, (await _server.Admin().ListProjectsAsync(new())).Projects.Count(project => project.Name == Hostile));
    }

    [Fact]
    public async Task Names_are_text_on_every_page()
    {
        var shown = 0;
        foreach (var page in Table.Keys.Where(page => page != "/builds/{id}/log.txt"))
        {
            using var answer = await _browsers["operator"].GetAsync(Fill(page, _sites[1]));
            var text = await answer.Content.ReadAsStringAsync();
            Assert.DoesNotContain("<script", text);
            Assert.DoesNotContain("<img", text);
            Assert.DoesNotContain("style=", text);
            shown += Regex.Count(text, "&lt;script&gt;");
            var policy = answer.Headers.GetValues("Content-Security-Policy").Single();
            Assert.Contains("default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'", policy);
            Assert.Equal("no-store", answer.Headers.CacheControl?.ToString());
        }

        Assert.True(shown > 30, $"only {shown}");
    }

    [Fact]
    public async Task Links_to_what_a_visitor_may_not_see_are_not_offered()
    {
        foreach (var visitor in Visitors[1..])
        {
            foreach (var page in Table.Keys.Where(page => page != "/builds/{id}/log.txt" && Table[page][2 + Array.IndexOf(Visitors, visitor) - 1] == 'y'))
            {
                var text = await _browsers[visitor].ReadAsync(Fill(page, _sites[0]));
                foreach (var link in Regex.Matches(text, "href=\"(/[^\"#]*)").Select(match => WebUtility.HtmlDecode(match.Groups[1].Value)).Distinct())
                {
                    using var answer = await _browsers[visitor].GetAsync(link);
                    Assert.True(answer.StatusCode == HttpStatusCode.OK, $"{visitor} on {page} is led to {link}: {answer.StatusCode}");
                }
            }
        }
    }

    [Fact]
    public async Task An_owner_adds_a_trust_relationship_sees_what_is_wrong_with_it_and_removes_it()
    {
        var browser = _browsers["owner"];
        var path = $"/projects/{_sites[0].Project}/trust";
        (string, string)[] fields = [("provider", "buildkite"), ("organization", "acme"), ("tier", "trusted")];
        using var unpinned = await browser.SubmitAsync(path, [.. fields, ("step", "a\"b")]);
        var refused = await unpinned.Content.ReadAsStringAsync();
        Assert.Equal(HttpStatusCode.BadRequest, unpinned.StatusCode);
        Assert.Matches("id=\"pipeline-problem\">the relationship does not pin the repository or pipeline", refused);
        Assert.Contains("name=\"organization\" type=\"text\" value=\"acme\"", refused);
        Assert.Contains("name=\"step\" type=\"text\" value=\"a&quot;b\"", refused);

        using var starred = await browser.SubmitAsync(path, [.. fields, ("pipeline", "web-*")]);
        Assert.Matches("id=\"pipeline-problem\">pipeline_slug is &quot;web-\\*&quot;", await starred.Content.ReadAsStringAsync());
        using var elsewhere = await browser.SubmitAsync(path, [.. fields, ("pipeline", "web"), ("from", "10.0.0.1/8")]);
        Assert.Matches("id=\"from-problem\">10.0.0.1/8 is an address inside a network", await elsewhere.Content.ReadAsStringAsync());

        using var added = await browser.SubmitAsync(path, [.. fields, ("pipeline", "web"), ("branch", "release/*"), ("from", "10.0.0.0/8, 192.0.2.1"), ("single-use", "yes")]);
        Assert.Equal(HttpStatusCode.SeeOther, added.StatusCode);
        var trust = Assert.Single((await _server.Admin().ListTrustAsync(new() { ProjectId = _sites[0].Project })).Trust, one => one.SingleUse);
        Assert.Equal(
            ["organization_slug equals acme", "pipeline_slug equals web", "build_branch matches release/*"],
            trust.Conditions.Select(condition => $"{condition.Claim} {condition.Operator} {condition.Values[0]}"));
        Assert.Equal(["10.0.0.0/8", "192.0.2.1"], trust.AllowedFrom.Select(one => one.Replace("/32", "", StringComparison.Ordinal)));
        var page = await browser.ReadAsync(path);
        Assert.Contains("Buildkite: organization acme, pipeline web, branch like release/*", page);
        Assert.Contains("No job's token has matched yet", page);
        Assert.Contains($"DEPOT_PROJECT_ID: &quot;{_sites[0].Project}&quot;", page);
        using var twice = await browser.SubmitAsync(path, [.. fields, ("pipeline", "web"), ("branch", "release/*")]);
        Assert.Equal(HttpStatusCode.Conflict, twice.StatusCode);

        using var removed = await SendAsync(browser, $"{path}/{trust.Id}/remove");
        Assert.Equal(HttpStatusCode.SeeOther, removed.StatusCode);
        Assert.DoesNotContain(trust.Id, await browser.ReadAsync(path));
        var record = Assert.Single(await _server.AuditAsync("trust.remove"));
        Assert.StartsWith("user ", record.Actor);
    }

    [Theory]
    [InlineData("github", "repository", "acme/app", "repository acme/app.*organization acme")]
    [InlineData("gitlab", "repository", "acme/app", "repository acme/app.*organization acme")]
    [InlineData("circleci", "circleci-project", "b2d3d0c0-2fa4-4f0f-9a53-0a6a2f0a7a11", "circleci-project b2d3d0c0-2fa4-4f0f-9a53-0a6a2f0a7a11")]
    [InlineData("oidc", "claims", "sub=job:app", "sub job:app")]
    public async Task Every_providers_form_makes_a_relationship(string provider, string field, string value, string words)
    {
        var path = $"/projects/{_sites[0].Project}/trust";
        Assert.Contains($"name=\"{field}\"", await _browsers["owner"].ReadAsync($"{path}?provider={provider}"));
        var more = provider switch
        {
            "circleci" => ("organization", "00000000-2fa4-4f0f-9a53-0a6a2f0a7a11"),
            "oidc" => ("issuer", "https://ci.example.com"),
            _ => ("branch", "refs/heads/*"),
        };
        using var added = await _browsers["owner"].SubmitAsync(path, ("provider", provider), (field, value), more, ("tier", ""));
        Assert.Equal(HttpStatusCode.SeeOther, added.StatusCode);
        Assert.Matches(words, await _browsers["owner"].ReadAsync(path));
    }

    [Fact]
    public async Task A_project_is_made_changed_and_deleted_with_its_id_typed()
    {
        var browser = _browsers["owner"];
        using var made = await browser.SubmitAsync($"/orgs/{_server.First.OrganizationId}/projects", ("name", "shop"));
        var id = made.Headers.Location!.ToString().Split('/')[2];
        var path = $"/projects/{id}/settings";
        using var changed = await SendAsync(browser, path, ("name", "web shop"), ("size", "1.5"), ("days", "30"));
        Assert.Equal(HttpStatusCode.SeeOther, changed.StatusCode);
        var project = (await _server.Admin().ListProjectsAsync(new())).Projects.Single(one => one.Id == id);
        Assert.Equal(("web shop", 3L << 29, 30), (project.Name, project.CacheKeepBytes, project.CacheKeepDays));
        Assert.Contains("value=\"1.5\"", await browser.ReadAsync(path));
        using var senseless = await SendAsync(browser, path, ("name", "web shop"), ("size", "much"));
        Assert.Equal(HttpStatusCode.BadRequest, senseless.StatusCode);
        Assert.Contains("the cache limit is &quot;much&quot;", await senseless.Content.ReadAsStringAsync());

        using var reset = await SendAsync(browser, $"/projects/{id}/reset-cache");
        Assert.Equal(HttpStatusCode.SeeOther, reset.StatusCode);
        using var careless = await SendAsync(browser, $"/projects/{id}/delete", ("confirm", "web shop"));
        Assert.Equal(HttpStatusCode.BadRequest, careless.StatusCode);
        using var deleted = await SendAsync(browser, $"/projects/{id}/delete", ("confirm", id));
        Assert.Equal(HttpStatusCode.SeeOther, deleted.StatusCode);
        Assert.DoesNotContain((await _server.Admin().ListProjectsAsync(new())).Projects, one => one.Id == id);
        Assert.Equal(
            ["cache.reset", "project.create", "project.delete", "project.update"],
            (await _server.AuditAsync()).Where(record => record.ProjectId == id).Select(record => record.Action).Order());
    }

    [Fact]
    public async Task More_builds_than_a_page_holds_are_all_reached_and_can_be_narrowed()
    {
        var project = (await _server.Admin().CreateProjectAsync(new() { OrganizationId = _server.First.OrganizationId, Name = "busy" })).Id;
        var all = new List<string>();
        for (var i = 0; i < 120; i++)
        {
            var made = await _server.Builds().CreateBuildAsync(new CreateBuildRequest { ProjectId = project });
            all.Add(made.BuildId);
            if (i % 40 == 0)
            {
                await _server.Builds(made.BuildToken).FinishBuildAsync(new FinishBuildRequest { BuildId = made.BuildId, Error = new() { Error = "no" } });
            }
        }

        Assert.Equal(all.Order(), (await ListAsync($"/projects/{project}")).Order());
        Assert.Superset(all.ToHashSet(), (await ListAsync($"/orgs/{_server.First.OrganizationId}")).ToHashSet());
        Assert.Equal(3, (await ListAsync($"/projects/{project}?status=failed")).Count);
        Assert.Equal(120, (await ListAsync($"/projects/{project}?by=OWNER&since=1")).Count);
        Assert.Empty(await ListAsync($"/projects/{project}?by=nobody"));
        using var bad = await _browsers["viewer"].GetAsync($"/projects/{project}?after=bad");
        Assert.Equal(HttpStatusCode.BadRequest, bad.StatusCode);
    }

    [Fact]
    public async Task A_token_made_on_the_page_is_shown_once_builds_its_project_and_is_rotated_and_revoked_there()
    {
        var (browser, path) = (_browsers["owner"], $"/projects/{_sites[0].Project}/tokens");
        using var nameless = await browser.SubmitAsync(path, ("name", "x\u0007"), ("life", "90"));
        Assert.Contains("cannot be the name of a token", await nameless.Content.ReadAsStringAsync());
        using var made = await browser.SubmitAsync(path, ("name", "ci"), ("life", "30"), ("from", "127.0.0.0/8"));
        var shown = await made.Content.ReadAsStringAsync();
        var secret = Regex.Match(shown, "aria-label=\"The token\">(slpp_[0-9A-Za-z]+)<").Groups[1].Value;
        Assert.Contains($"--secret-string &quot;{secret}&quot;", shown);
        Assert.Contains($"export DEPOT_TOKEN={secret}", shown);
        var build = await _server.Builds(secret).CreateBuildAsync(new() { ProjectId = _sites[0].Project });
        Assert.Contains("project ci", await _browsers["viewer"].ReadAsync($"/builds/{build.BuildId}?follow=no"));
        var page = await browser.ReadAsync(path);
        Assert.DoesNotContain(secret, page);
        Assert.Matches("(?s)ci<br>.*only from 127.0.0.0/8.*by user [0-9a-f]+@example.com", page);

        var id = (await _server.Admin().ListTokensAsync(new())).Tokens.Single(token => token.Name == "ci").Id;
        using var rotated = await SendAsync(browser, $"/tokens/{id}/rotate", ("overlap", "24"), ("back", path));
        var next = Regex.Match(await rotated.Content.ReadAsStringAsync(), "(slpp_[0-9A-Za-z]+)<").Groups[1].Value;
        await _server.Builds(secret).GetBuildAsync(new() { BuildId = build.BuildId });
        await _server.Builds(next).GetBuildAsync(new() { BuildId = build.BuildId });
        using var revoked = await SendAsync(browser, $"/tokens/{id}/revoke", ("back", "https://evil.example"));
        Assert.Equal("/", revoked.Headers.Location?.ToString());
        await Assert.ThrowsAsync<Grpc.Core.RpcException>(async () => await _server.Builds(secret).GetBuildAsync(new() { BuildId = build.BuildId }));

        using var viewers = await browser.SubmitAsync($"/orgs/{_server.First.OrganizationId}/tokens", ("name", "reader"), ("role", "viewer"), ("life", "7"));
        Assert.Matches("slpo_[0-9A-Za-z]+", await viewers.Content.ReadAsStringAsync());
        Assert.Equal("viewer", (await _server.Admin().ListTokensAsync(new())).Tokens.Single(token => token.Name == "reader").Role);
        Assert.Contains("the organization, as viewer", await browser.ReadAsync($"/orgs/{_server.First.OrganizationId}/tokens"));
        Assert.All(
            (await _server.AuditAsync("token.")).Where(record => record.Actor.EndsWith("@example.com", StringComparison.Ordinal)),
            record => Assert.Equal(_server.First.OrganizationId, record.OrganizationId));
    }

    [Fact]
    public async Task An_owner_invites_promotes_and_removes_and_is_told_what_cannot_be()
    {
        var (browser, path) = (_browsers["owner"], $"/orgs/{_server.First.OrganizationId}/people");
        using var invited = await browser.SubmitAsync(path, ("email", "Eve@example.com"), ("role", "viewer"));
        var link = Regex.Match(await invited.Content.ReadAsStringAsync(), "http://[^/]+(/invitations/[a-z0-9]+)").Groups[1].Value;
        using (var guest = new Browser(_server.Url))
        {
            using var accepted = await guest.SubmitAsync(link, ("password", Password));
            Assert.Contains("default (viewer)", await guest.ReadAsync("/"));
        }

        using var promoted = await SendAsync(browser, $"{path}/role", ("email", "eve@example.com"), ("role", "owner"));
        Assert.Equal(HttpStatusCode.SeeOther, promoted.StatusCode);
        Assert.Equal("owner", (await _server.Admin().ListUsersAsync(new() { OrganizationId = _server.First.OrganizationId })).Users.Single(user => user.Email == "eve@example.com").Role);
        using var again = await browser.SubmitAsync(path, ("email", "eve@example.com"), ("role", "viewer"));
        Assert.Equal(HttpStatusCode.Conflict, again.StatusCode);
        Assert.Contains("is in the organization already", await again.Content.ReadAsStringAsync());
        using var removed = await SendAsync(browser, $"{path}/remove", ("email", "eve@example.com"));
        Assert.DoesNotContain("eve@example.com", await browser.ReadAsync(path));

        var me = (await _server.Admin().ListUsersAsync(new() { OrganizationId = _server.First.OrganizationId })).Users.Single(user => user.Role == "owner").Email;
        using var last = await SendAsync(browser, $"{path}/remove", ("email", me));
        Assert.Contains("is the organization&#39;s only owner", await last.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task An_operator_adds_drains_and_removes_builders()
    {
        var browser = _browsers["operator"];
        using var made = await SendAsync(browser, "/builders/join-token");
        Assert.Matches("slipway builder --server http://127.0.0.1:[0-9]+ --join slpj_", await made.Content.ReadAsStringAsync());
        using var drained = await SendAsync(browser, "/builders/dfake/drain", ("draining", "yes"));
        Assert.Contains("draining</span>", await browser.ReadAsync("/builders"));
        using var undone = await SendAsync(browser, "/builders/dfake/drain", ("draining", "no"));
        Assert.DoesNotContain("draining</span>", await browser.ReadAsync("/builders"));
        using var removed = await SendAsync(browser, "/builders/dfake/remove");
        Assert.Contains("None has joined yet", await browser.ReadAsync("/builders"));
        Assert.Equal(
            ["builder.drain", "builder.remove", "builder.undrain"], (await _server.AuditAsync("builder.")).Select(record => record.Action).Order());
    }

    [Fact]
    public async Task A_person_signs_terminals_out_and_only_their_own()
    {
        var mine = (await _server.Admin().ListTokensAsync(new())).Tokens.Where(token => token.UserEmail.Length > 0).ToList();
        var page = await _browsers["viewer"].ReadAsync("/account");
        var own = Assert.Single(mine, token => page.Contains(token.Id, StringComparison.Ordinal));
        foreach (var other in mine.Where(token => token.Id != own.Id))
        {
            using var refused = await SendAsync(_browsers["operator"], $"/account/tokens/{own.Id}/revoke");
            Assert.Equal(HttpStatusCode.NotFound, refused.StatusCode);
        }

        using var signedOut = await SendAsync(_browsers["viewer"], $"/account/tokens/{own.Id}/revoke");
        Assert.Equal("/account", signedOut.Headers.Location?.ToString());
        Assert.DoesNotContain(own.Id, await _browsers["viewer"].ReadAsync("/account"));
    }

    [Fact]
    public async Task The_audit_page_is_narrowed_and_paged()
    {
        var path = $"/orgs/{_server.First.OrganizationId}/audit";
        for (var i = 0; i < 105; i++)
        {
            await _server.Admin().UpdateProjectAsync(new() { ProjectId = _sites[0].Project, CacheKeepDays = i });
        }

        var first = await _browsers["owner"].ReadAsync(path + "?action=project.update");
        var next = WebUtility.HtmlDecode(Regex.Match(first, "href=\"([^\"]+)\" rel=\"next\"").Groups[1].Value);
        Assert.Equal(105, Regex.Count(first + await _browsers["owner"].ReadAsync(next), "<code>project.update</code>"));
        (await _browsers["viewer"].GetAsync($"/projects/{_sites[1].Project}")).Dispose();
        await _server.AuditAsync();
        var denied = await _browsers["operator"].ReadAsync("/audit?denied=yes");
        Assert.Contains("denied</span>", denied);
        Assert.DoesNotContain("ok</span>", denied);
        Assert.DoesNotContain($">project {_sites[1].Project}<", await _browsers["owner"].ReadAsync(path));
        Assert.Contains($">project {_sites[1].Project}<", await _browsers["operator"].ReadAsync("/audit?action=project.create"));
    }

    [Fact]
    public async Task An_operator_at_a_browser_is_one_until_that_ends_and_never_in_a_terminal()
    {
        var members = (await _server.Admin().ListUsersAsync(new() { OrganizationId = _server.First.OrganizationId })).Users;
        var page = await _browsers["operator"].ReadAsync("/account");
        var email = members.Single(user => page.Contains(user.Email, StringComparison.Ordinal)).Email;
        var terminal = (await _server.Admin().CreateTokenAsync(new() { UserEmail = email })).Token;
        await Assert.ThrowsAsync<Grpc.Core.RpcException>(async () => await _server.Admin(terminal).ListBuildersAsync(new()));
        await _server.Admin().SetOperatorAsync(new() { Email = email, Operator = false });
        using var ended = await _browsers["operator"].GetAsync("/builders");
        Assert.Equal(HttpStatusCode.NotFound, ended.StatusCode);
        await Assert.ThrowsAsync<Grpc.Core.RpcException>(async () => await _server.Admin().SetOperatorAsync(new() { Email = "nobody@example.com", Operator = true }));
    }

    private async Task<List<string>> ListAsync(string path)
    {
        var found = new List<string>();
        for (var next = path; next.Length > 0;)
        {
            var page = await _browsers["viewer"].ReadAsync(next);
            found.AddRange(Regex.Matches(page, "href=\"/builds/([a-z0-9]+)\"").Select(match => match.Groups[1].Value));
            next = WebUtility.HtmlDecode(Regex.Match(page, "href=\"([^\"]+)\" rel=\"next\"").Groups[1].Value);
        }

        return found;
    }

    /// <summary>A project whose every name is hostile.</summary>
    private async Task<(string Organization, string Project, string Build, string Trust, string Token)> SiteAsync(string organization)
    {
        var admin = _server.Admin();
        var project = (await admin.CreateProjectAsync(new() { OrganizationId = organization, Name = Hostile })).Id;
        var trust = await admin.AddTrustAsync(new()
        {
            ProjectId = project,
            Provider = "buildkite",
            Conditions =
            {
                new ClaimCondition { Claim = "organization_slug", Operator = "equals", Values = { "acme" } },
                new ClaimCondition { Claim = "pipeline_slug", Operator = "equals", Values = { "app" } },
                new ClaimCondition { Claim = "build_branch", Operator = "equals", Values = { Hostile.Replace("*", "", StringComparison.Ordinal) } },
            },
        });
        var token = await admin.CreateTokenAsync(new() { ProjectId = project, Name = Hostile });
        var build = await _server.Builds(token.Token).CreateBuildAsync(new() { ProjectId = project, Options = { new BuildOptions { Tags = { Hostile } } } });
        await HostileRecords.WriteAsync(_server, build.BuildId, Hostile);
        await _server.Builds(build.BuildToken).FinishBuildAsync(new FinishBuildRequest { BuildId = build.BuildId, Error = new() { Error = Hostile } });
        return (organization, project, build.BuildId, trust.Id, token.Info.Id);
    }

    private IEnumerable<string> Pages(string method) => _server.Service<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
        .Where(endpoint => endpoint.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods.Contains(method) == true)
        .Where(endpoint => endpoint.Metadata.GetMetadata<Grpc.AspNetCore.Server.GrpcMethodMetadata>() is null)
        .Select(endpoint => "/" + endpoint.RoutePattern.RawText!.TrimStart('/'))
        .Where(path => !NoPages.Any(other => path.StartsWith(other, StringComparison.Ordinal)))
        .Distinct();

    private static readonly string[] NoPages = ["/healthz", "/readyz", "/metrics", "/assets/", "/install-cli", "/cli/", "/registry/", "/{unimplemented"];

    private static string Fill(string page, (string Organization, string Project, string Build, string Trust, string Token) site) => page
        .Replace("{org}", site.Organization, StringComparison.Ordinal)
        .Replace("{id}", page.StartsWith("/builds", StringComparison.Ordinal) ? site.Build : site.Project, StringComparison.Ordinal)
        .Replace("{relationship}", site.Trust, StringComparison.Ordinal)
        .Replace("{token}", site.Token, StringComparison.Ordinal)
        .Replace("{builder}", "dfake", StringComparison.Ordinal)
        .Replace("{secret}", "x", StringComparison.Ordinal)
        .Replace("{code}", "x", StringComparison.Ordinal);

    private static async Task<string> KeyAsync(Browser browser) =>
        Regex.Match(await browser.ReadAsync("/"), "name=\"key\" value=\"([^\"]+)\"").Groups[1].Value;

    /// <summary>Sends a form that is on another page than it goes to.</summary>
    private async Task<HttpResponseMessage> SendAsync(Browser browser, string path, params (string Name, string Value)[] fields) =>
        await browser.PostAsync(path, _server.Url.GetLeftPart(UriPartial.Authority), [.. fields, ("key", await KeyAsync(browser))]);
}
