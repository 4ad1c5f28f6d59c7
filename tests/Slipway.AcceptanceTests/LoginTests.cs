using System.Text.RegularExpressions;

namespace Slipway.AcceptanceTests;

/// <summary>`depot login`, with both clients, and a person in a real browser who lets them in.</summary>
public sealed class LoginTests(Site site)
{
    private const string Password = "correct horse battery staple";

    [Fact]
    public async Task A_person_is_invited_signs_in_and_lets_both_clients_in()
    {
        var email = $"ann.{Guid.NewGuid():n}@example.com";
        var link = (await site.AdminAsync("user", "invite", email, "--role", "member")).MustSucceed().Output.Trim();
        using var browser = new Chromium();
        browser.Open(link);
        Assert.Equal("You are invited", browser.Heading);
        Picture(browser, "invitation");
        browser.Type("password", Password);
        browser.Press("Create the account");
        Assert.Equal("Builds", browser.Heading);
        Assert.Contains("default (member)", browser.Text);

        browser.Press("Sign out");
        await LetInAsync(browser, Parts.PublishedDepot, email, signIn: true);
        await LetInAsync(browser, Parts.Depot, email, signIn: false);

        browser.Open(site.Url.ToString());
        Picture(browser, "home");
        Assert.Contains("Started by", browser.Text);
        Assert.Empty(browser.Complaints());

        var audit = (await site.AdminAsync("audit", "--actor", email)).MustSucceed().Output;
        Assert.All(["user.join", "session.open", "session.end", "login.approve", "token.create"], action => Assert.Contains(action, audit));
        (await site.AdminAsync("user", "remove", email)).MustSucceed();
        browser.Open(new Uri(site.Url, $"/projects/{site.ProjectId}").ToString());
        Assert.Equal("Not found", browser.Heading);
    }

    [Fact]
    public async Task The_pages_are_usable_without_a_mouse_and_in_the_dark_and_load_nothing_from_elsewhere()
    {
        using var context = new WorkFolder().With("Dockerfile", $"FROM {site.BaseImage}\nRUN echo '<script>window.pwned=1</script>' && printf '\\033[31mred\\033[0m'\n");
        var build = Records.BuildIdOf((await site.DepotAsync("build", "--progress=plain", context.Path)).MustSucceed());
        var email = $"bob.{Guid.NewGuid():n}@example.com";
        var link = (await site.AdminAsync("user", "invite", email)).MustSucceed().Output.Trim();
        using var browser = new Chromium(dark: true);
        browser.Open(link);
        browser.Type("password", Password);
        browser.Press("Create the account");
        await Records.EventuallyAsync(
            () => site.AdminAsync("build", "logs", build), log => log.Output.Contains("pwned", StringComparison.Ordinal));
        browser.Open(new Uri(site.Url, $"/builds/{build}").ToString());
        Picture(browser, "build-dark");

        Assert.Contains("<script>window.pwned=1</script>", browser.Text);
        Assert.Contains("red", browser.Text);
        Assert.Null(browser.Ask("window.pwned"));
        Assert.Equal("rgb(17, 22, 28)", browser.Ask("getComputedStyle(document.body).backgroundColor"));
        Assert.Equal(true, browser.Ask("[...document.querySelectorAll('input:not([type=hidden])')].every(i => i.labels.length > 0)"));
        Assert.Equal(true, browser.Ask($"performance.getEntriesByType('resource').every(r => r.name.startsWith('{site.Url}'))"));
        Assert.Equal("en", browser.Ask("document.documentElement.lang"));
        Assert.Empty(browser.Complaints());
        browser.Press("Sign out");
        browser.Open(new Uri(site.Url, "/sign-in").ToString());
        Assert.Equal("email", browser.Ask("document.activeElement.name"));
        Picture(browser, "sign-in-dark");
    }

    private async Task LetInAsync(Chromium browser, string depot, string email, bool signIn)
    {
        // A machine that has never been signed in.
        using var home = new WorkFolder();
        var environment = site.With(new Dictionary<string, string?>
        {
            ["DEPOT_TOKEN"] = null, ["DEPOT_PROJECT_ID"] = null, ["HOME"] = home.Path, ["XDG_CONFIG_HOME"] = home["config"],
        });
        await using var login = RunningCommand.Start(depot, ["login"], environment);
        var approve = Match.Empty;
        await login.SaysAsync("/login/");
        while (!approve.Success)
        {
            await Task.Delay(20);
            approve = Regex.Match(login.Output + login.Error, @"http://\S+/login/([a-z0-9-]{19})\b");
        }

        browser.Open(approve.Value);
        if (signIn)
        {
            Assert.Equal("Sign in", browser.Heading);
            Picture(browser, "sign-in");
            browser.Type("email", email);
            browser.Type("password", Password);
            browser.Press("Sign in");
        }

        Assert.Equal("Let this terminal in?", browser.Heading);
        Assert.Contains(approve.Groups[1].Value, browser.Text);
        Picture(browser, "approve");
        browser.Press("The codes are the same: approve");
        Assert.Equal("Approved", browser.Heading);
        var ended = await login.WaitAsync(TimeSpan.FromMinutes(2));
        Assert.Contains("Successfully authenticated!", ended.MustSucceed().Everything);
        var projects = await RunningCommand.Start(depot, ["list", "projects"], environment).WaitAsync();
        Assert.Contains(site.ProjectId, projects.MustSucceed().Output);
        await InitAsync(depot, environment, projects.Output);
        Assert.Empty(browser.Complaints());
        browser.Open(approve.Value);
        Assert.Equal("This login is over", browser.Heading);

        // The browser says of itself that the page is no longer there.
        Assert.Contains("404", Assert.Single(browser.Complaints()));
    }

    /// <summary>`depot init` at a terminal, where Enter takes the first of the list; what it writes is then the project of `depot build`.</summary>
    private async Task InitAsync(string depot, Dictionary<string, string?> environment, string projects)
    {
        using var repository = new WorkFolder().With("Dockerfile", $"FROM {site.BaseImage}\nRUN echo initialised\n");
        var init = await RunningCommand.Start(
            "sh", ["-c", $"(while sleep 1 && printf '\\r'; do :; done) | script --quiet --return --command '{depot} init' /dev/null"],
            new Dictionary<string, string?>(environment) { ["TERM"] = "xterm-256color", ["CI"] = null }, repository.Path).WaitAsync();
        init.MustSucceed();
        var project = Regex.Match(await File.ReadAllTextAsync(repository["depot.json"]), "\\A\\{\\s*\"id\": ?\"([^\"]+)\"\\s*\\}\\s*\\z").Groups[1].Value;
        Assert.NotEqual("", project);
        Assert.Contains(project, projects);

        (await RunningCommand.Start(depot, ["build", "--progress=plain", "."], environment, repository.Path).WaitAsync()).MustSucceed();
        Assert.Contains(project, (await site.AdminAsync("build", "list", "--project", project, "--json")).MustSucceed().Output);
    }

    private static void Picture(Chromium browser, string name) => browser.Photograph(Path.Combine(Parts.Root, "out", "pages", name + ".png"));
}
