using System.Text.Json;
using Slipway.AcceptanceTests.Pipelines;

namespace Slipway.AcceptanceTests;

/// <summary>What a pipeline's owner does in a real browser, and the real builds that come of it.</summary>
public sealed class DashboardTests(Site site) : IAsyncLifetime
{
    private const string Password = "correct horse battery staple";
    private readonly WorkFolder _folder = new("dashboard");
    private readonly string _email = $"ann.{Guid.NewGuid():n}@example.com";
    private BuildkiteApi _buildkite = null!;
    private RunningCommand _slipway = null!;
    private string _url = "";
    private string _project = "";
    private string _organization = "";
    private Dictionary<string, string?> _environment = [];

    public async ValueTask InitializeAsync()
    {
        _buildkite = await BuildkiteApi.StartAsync(Parts.FreePort());
        _slipway = RunningCommand.Start(
            Parts.Slipway,
            ["up", "--data", _folder["data"], "--listen", $"127.0.0.1:{Parts.FreePort()}", "--builder-listen", $"127.0.0.1:{Parts.FreePort()}",
                "--builder-host-port", "all", "--oidc-allow-insecure-issuer", _buildkite.Url]);
        await _slipway.SaysAsync("slipway is ready at ");
        using var credentials = JsonDocument.Parse(await File.ReadAllTextAsync(_folder["data/credentials.json"]));
        string Of(string name) => credentials.RootElement.GetProperty(name).GetString()!;
        (_url, _project, _organization) = (Of("apiUrl"), Of("projectId"), Of("organizationId"));
        _environment = site.With(new Dictionary<string, string?>
        {
            ["DEPOT_API_URL"] = _url, ["DEPOT_TOKEN"] = Of("token"), ["DEPOT_PROJECT_ID"] = _project, ["HOME"] = _folder["home"], ["XDG_CONFIG_HOME"] = _folder["config"],
        });
    }

    public async ValueTask DisposeAsync()
    {
        _slipway.Signal(PosixSignalNumber.Terminate);
        await _slipway.WaitAsync(TimeSpan.FromMinutes(1));
        await _slipway.DisposeAsync();
        await _buildkite.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task An_owner_trusts_a_pipeline_on_its_page_sees_who_is_refused_and_watches_the_build()
    {
        using var browser = new Chromium();
        browser.Open((await AdminAsync("user", "invite", _email, "--role", "owner")).Output.Trim());
        browser.Type("password", Password);
        browser.Press("Create the account");
        await AdminAsync("user", "operator", _email);
        using var context = new WorkFolder().With(
            "Dockerfile", $"FROM {site.BaseImage}\nRUN for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo tick $i; sleep 1; done\n");

        TrustOnThePage(browser);
        var refused = await StartBuild(new BuildkiteJob { Pipeline = "web" }, context).WaitAsync();
        Assert.Contains("pipeline_slug \"app\", the token says \"web\"", refused.MustFail().Error);

        // Refusals go into the audit log once a second.
        await Task.Delay(TimeSpan.FromSeconds(1.5));
        browser.Open($"{_url}/projects/{_project}/trust");
        Assert.Contains("buildkite acme/web", browser.Text);
        Assert.Contains("the token says \"web\"", browser.Text);

        var job = new BuildkiteJob();
        await using var running = StartBuild(job, context);
        await running.SaysAsync("tick 1");
        var build = Records.BuildIdIn(running.Error);
        Watch(build);
        (await running.WaitAsync()).MustSucceed();

        browser.Open($"{_url}/projects/{_project}/trust");
        Assert.Contains("A job's token last matched", browser.Text);
        browser.Open($"{_url}/builds/{build}");
        Assert.Contains("It finished in", browser.Text);
        Assert.Contains($"https://buildkite.com/acme/app/builds/{job.BuildNumber}", browser.Text);
        Assert.Contains("buildkite acme/app through trust relationship", browser.Text);
        await UseTokenAsync(browser);
        Assert.Empty(browser.Complaints());

        // The address that the client printed, for somebody who is not signed in.
        browser.Press("Sign out");
        browser.Open($"{_url}/builds/{build}");
        SignIn(browser);
        Assert.Equal($"Build {build}", browser.Heading);
        await PictureAsync(build);
    }

    private void TrustOnThePage(Chromium browser)
    {
        browser.Open($"{_url}/projects/{_project}/trust");
        browser.Type("organization", "acme");
        browser.Type("pipeline", "app");
        browser.Unfold("More conditions");
        browser.Type("issuer", _buildkite.Url);
        browser.Press("Add the relationship");
        Assert.Contains("Buildkite: organization acme, pipeline app", browser.Text);
        Assert.Contains("No job's token has matched yet", browser.Text);
    }

    /// <summary>In a browser of its own, for which the page's end does not matter.</summary>
    private void Watch(string build)
    {
        using var watching = new Chromium(waits: false);
        watching.Open($"{_url}/builds/{build}");
        watching.Await("Password");
        watching.Type("email", _email);
        watching.Type("password", Password);
        watching.Ask("document.querySelector('main form').submit()");
        watching.Await("tick 1");
        Assert.Contains("as they come", watching.Text);
        watching.Await("It finished in");
        Assert.Empty(watching.Complaints());
    }

    private async Task UseTokenAsync(Chromium browser)
    {
        browser.Open($"{_url}/orgs/{_organization}/tokens");
        browser.Type("name", "laptop");
        browser.Press("Create the token");
        var token = (string)browser.Ask("document.querySelector('pre[aria-label=\"The token\"]').textContent")!;
        var listed = await RunningCommand.Start(
            Parts.Depot, ["projects", "list"], new Dictionary<string, string?>(_environment) { ["DEPOT_TOKEN"] = token }).WaitAsync();
        Assert.Contains(_project, listed.MustSucceed().Output);
        browser.Open($"{_url}/orgs/{_organization}/tokens");
        Assert.DoesNotContain(token, browser.Text);
    }

    /// <summary>Every page in light, in the dark and at a telephone's width, where nothing may have to be scrolled sideways.</summary>
    private async Task PictureAsync(string build)
    {
        await AdminAsync("user", "invite", $"bob.{Guid.NewGuid():n}.with-a-long-name@subsidiary.example.com");
        using var broken = new WorkFolder().With("Dockerfile", $"FROM {site.BaseImage}\nRUN printf '\\033[31mno tests ran\\033[0m\\n' && false\n");
        var failed = Records.BuildIdIn((await RunningCommand.Start(Parts.Depot, ["build", "--progress=plain", broken.Path], _environment).WaitAsync()).MustFail().Error);
        foreach (var (kind, dark, narrow) in new[] { ("", false, false), ("-dark", true, false), ("-360", false, true) })
        {
            using var browser = new Chromium(dark, narrow: narrow);
            browser.Open($"{_url}/sign-in");
            SignIn(browser);
            foreach (var (name, path) in Pages(build, failed))
            {
                browser.Open(_url + path);
                browser.PhotographWhole(Path.Combine(Parts.Root, "out", "pages", $"dashboard-{name}{kind}.png"));
                Assert.True(browser.Ask("document.documentElement.scrollWidth <= innerWidth") is true, $"{path} is wider than the window{kind}");
                Assert.Equal(true, browser.Ask("[...document.querySelectorAll('input:not([type=hidden]), select, textarea')].every(i => i.labels.length > 0 || i.ariaLabel)"));
                Assert.Equal(true, browser.Ask("document.querySelectorAll('h1').length === 1"));
            }

            Assert.Empty(browser.Complaints());
        }
    }

    private (string Name, string Path)[] Pages(string build, string failed) =>
    [
        ("builds", "/"), ("projects", $"/orgs/{_organization}/projects"), ("project", $"/projects/{_project}"), ("trust", $"/projects/{_project}/trust"),
        ("settings", $"/projects/{_project}/settings"), ("tokens", $"/orgs/{_organization}/tokens"), ("people", $"/orgs/{_organization}/people"),
        ("audit", $"/orgs/{_organization}/audit"), ("builders", "/builders"), ("account", "/account"), ("build", $"/builds/{build}"),
        ("failed", $"/builds/{failed}"), ("log", $"/builds/{build}/log"),
    ];

    private void SignIn(Chromium browser)
    {
        browser.Type("email", _email);
        browser.Type("password", Password);
        browser.Press("Sign in");
    }

    private RunningCommand StartBuild(BuildkiteJob job, WorkFolder context)
    {
        _buildkite.Add(job);
        var environment = new Dictionary<string, string?>(_environment);
        foreach (var (name, value) in job.Environment)
        {
            environment[name] = value;
        }

        environment["BUILDKITE_AGENT_ENDPOINT"] = $"{_buildkite.Url}/v3";
        environment["DEPOT_TOKEN"] = null;
        return RunningCommand.Start(Parts.Depot, ["build", "--progress=plain", context.Path], environment);
    }

    private async Task<CommandResult> AdminAsync(params string[] arguments) =>
        (await RunningCommand.Start(Parts.Slipway, ["admin", .. arguments], _environment).WaitAsync()).MustSucceed();
}
