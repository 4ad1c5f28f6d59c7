using System.Text.RegularExpressions;

namespace Slipway.AcceptanceTests.Pipelines;

/// <summary>What the documentation lets people type at terminals of their own, with both clients, and what a pipeline does with it afterwards.</summary>
public sealed class DeveloperTests(StageHouse house) : IAsyncLifetime
{
    private const string Down = "\u001b[B";
    private const string Enter = "\r";

    private Stage _stage = null!;
    private AgentMachine _machine = null!;

    public async ValueTask InitializeAsync()
    {
        _stage = await house.StageAsync();
        _machine = await _stage.StartMachineAsync();
    }

    public ValueTask DisposeAsync() => _machine.DisposeAsync();

    [Fact]
    public async Task A_developer_signs_in_ties_the_repository_to_its_project_and_the_pipeline_builds_there()
    {
        (await _machine.RunAsRootAsync(Snippet.Of("Depot CLI installation: agent bootstrap script").Text)).MustSucceed();
        await WalkAsync(Snippet.Of("Debugging: test builds locally").Text, new Dictionary<string, string>(), token: "");
    }

    [Fact]
    public async Task So_does_one_with_the_published_client()
    {
        (await _machine.RunAsRootAsync($"install -m 755 {Parts.PublishedDepot} /usr/local/bin/depot")).MustSucceed();
        await WalkAsync(

            // Its configure-docker pulls an image from the Internet, which the stage has not.
            "depot build --load -t my-image .\n",
            new Dictionary<string, string> { ["DEPOT_API_URL"] = Stage.Url, ["DEPOT_NO_UPDATE_NOTIFIER"] = "1", ["DEPOT_ERROR_TELEMETRY"] = "0" },
            _stage.ProjectToken);
    }

    /// <param name="build">What the developer types to try the build out.</param>
    /// <param name="environment">What the client needs to know besides.</param>
    /// <param name="token">What the pipeline has; empty where its job's OIDC token will do.</param>
    private async Task WalkAsync(string build, IReadOnlyDictionary<string, string> environment, string token)
    {
        using var browser = new Chromium(stage: _stage);
        browser.Open((await _stage.AdminAsync("user", "invite", $"ann.{Guid.NewGuid():n}@example.com", "--role", "member")).MustSucceed().Output.Trim());
        browser.Type("password", "correct horse battery staple");
        browser.Press("Create the account");

        var files = AgentStep.Application();
        await using var terminal = await _machine.StartAsync(new AgentStep
        {
            IsTyped = true,
            Command = $"{Snippet.Of("Depot project configuration: configuration file").Text}\ncat depot.json\n{build}",
            Environment = environment,
            Files = files,
        });
        var page = await LoginPageAsync(terminal);
        if (terminal.Output.Contains("Open link in browser?", StringComparison.Ordinal))
        {
            // The published client's question: no, somebody has it open already.
            await terminal.TypeAsync(Enter);
        }

        browser.Open(page);
        Assert.Equal("Let this terminal in?", browser.Heading);
        browser.Press("The codes are the same: approve");
        await terminal.SaysAsync("Successfully authenticated!");

        // The list is in the order of names.
        await terminal.SaysAsync("default");
        await terminal.TypeAsync(Down + Enter);
        var typed = (await terminal.WaitAsync()).MustSucceed();
        var written = Regex.Match(typed.Output, @"\{\s*""id"": ?""[^""]+""\s*\}").Value;
        Assert.Contains($"\"{_stage.ProjectId}\"", written);
        Assert.Contains("[depot] ", typed.Output);
        Assert.Contains(BuildOf(typed), await BuildsAsync());
        var ran = await _stage.RunAsync("docker", ["run", "--rm", "my-image"], new Dictionary<string, string?> { ["DOCKER_HOST"] = "unix:///run/docker.sock" });
        Assert.Equal($"built from {files["word"]}\n", ran.MustSucceed().Output);

        // The file is committed: the pipeline needs no DEPOT_PROJECT_ID.
        var job = await _machine.RunAsync(new AgentStep
        {
            Command = "depot build .",
            Environment = new Dictionary<string, string>(environment) { ["DEPOT_PROJECT_ID"] = "", ["DEPOT_TOKEN"] = token },
            Files = new Dictionary<string, string>(files) { ["depot.json"] = written },
        });
        Assert.Contains(BuildOf(job.MustSucceed()), await BuildsAsync());
    }

    private static async Task<string> LoginPageAsync(RunningCommand terminal)
    {
        await terminal.SaysAsync("/login/");
        await terminal.SaysAsync("browser");
        var page = Match.Empty;
        while (!page.Success)
        {
            await Task.Delay(20);
            page = Regex.Match(terminal.Output, $@"{Regex.Escape(Stage.Url)}/login/[a-z0-9-]{{19}}\b");
        }

        return page.Value;
    }

    private static string BuildOf(CommandResult result) => Regex.Match(result.Output, $@"{Regex.Escape(Stage.Url)}/(?:builds|orgs/\w+/projects/\w+/builds)/(\w+)").Groups[1].Value is { Length: > 0 } id
        ? id
        : throw new InvalidOperationException($"no build is named in\n{result.Output}");

    private async Task<string> BuildsAsync() => (await _stage.AdminAsync("build", "list", "--project", _stage.ProjectId)).MustSucceed().Output;
}
