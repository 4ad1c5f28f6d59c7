namespace Slipway.AcceptanceTests.Pipelines;

/// <summary>Every pipeline of the spec as it is written, on an agent, with an OIDC token and with a static one.</summary>
public sealed class PipelineTests(StageHouse house) : IAsyncLifetime
{
    private Stage _stage = null!;
    private AgentMachine _machine = null!;

    public static TheoryData<string> Sections => [.. Snippet.Pipelines.Select(snippet => snippet.Section)];

    public async ValueTask InitializeAsync()
    {
        _stage = await house.StageAsync();
        _machine = await _stage.StartMachineAsync();
    }

    public ValueTask DisposeAsync() => _machine.DisposeAsync();

    [Theory]
    [MemberData(nameof(Sections))]
    public async Task A_pipeline_runs_with_a_static_token(string section)
    {
        await RunAsync(Snippet.Of(section), _stage.ProjectToken);
    }

    [Theory]
    [MemberData(nameof(Sections))]
    public async Task A_pipeline_runs_with_the_OIDC_token_of_its_job(string section)
    {
        // Where the pipeline is uploaded there is no DEPOT_TOKEN, so it arrives empty.
        await RunAsync(Snippet.Of(section), "");
    }

    [Fact]
    public async Task A_step_needs_no_more_than_what_the_bootstrap_script_installed_and_the_environment_hook_set()
    {
        (await _machine.RunAsRootAsync(Snippet.Of("Depot CLI installation: agent bootstrap script").Text)).MustSucceed();
        var result = await _machine.RunAsync(new AgentStep
        {
            Hook = Snippet.Of("Depot project configuration: agent environment hook").Text.Replace("your-project-id", _stage.ProjectId, StringComparison.Ordinal),
            Command = "depot build .",
            HasOwnFolderOnPath = false,
        });
        Assert.Contains($"[depot] build: {Stage.Url}/builds/", result.MustSucceed().Output);
    }

    [Fact]
    public async Task An_agent_sees_the_secret_that_holds_its_token()
    {
        var described = await _machine.RunAsync(new AgentStep { Command = Snippet.Of("Troubleshooting: verify the secret").Text, Environment = _stage.AwsOfAgents });
        Assert.Contains("\"Name\": \"buildkite/depot-token\"", described.MustSucceed().Output);
        var read = await _machine.RunAsync(new AgentStep { Command = Snippet.Of("Troubleshooting: test access to the secret").Text, Environment = _stage.AwsOfAgents });
        Assert.Contains(_stage.ProjectToken, read.MustSucceed().Output);
    }

    [Fact]
    public async Task Several_agents_of_one_machine_build_at_once()
    {
        var snippet = Snippet.Of("Building and pushing");
        var steps = Enumerable.Range(0, 3).Select(number => StepOf(snippet, number == 0 ? _stage.ProjectToken : "")).ToList();
        var results = await Task.WhenAll(steps.Select(_machine.RunAsync));
        Assert.All(results, result => result.MustSucceed());
        foreach (var step in steps)
        {
            await CheckImageAsync(snippet, step);
        }
    }

    [Fact]
    public async Task No_secret_of_a_pipeline_is_in_the_servers_data_the_logs_or_the_image()
    {
        var step = StepOf(Snippet.Of("Building and pushing"), "");
        step = step with
        {
            Files = new Dictionary<string, string>
            {
                ["Dockerfile"] = $"FROM {Stage.BaseImage}\nRUN --mount=type=secret,id=word,env=WORD test \"$(printf %s \"$WORD\" | wc -c)\" = 16\n",
            },
            Command = step.Command.Replace("--push .", "--push --secret id=word,env=WORD --attest type=provenance,mode=max --metadata-file metadata.json .", StringComparison.Ordinal) + "\ncat metadata.json\n",
            Environment = new Dictionary<string, string>(step.Environment) { ["WORD"] = "open-sesame-4711" },
        };
        var result = (await _machine.RunAsync(step)).MustSucceed();
        string[] secrets =
        [
            "open-sesame-4711", _stage.RegistryPassword, Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes($"{Stage.RegistryUser}:{_stage.RegistryPassword}")),
            _stage.ProjectToken, step.Job.AccessToken, .. _stage.Buildkite.Tokens, _stage.AwsOfAgents["AWS_SECRET_ACCESS_KEY"],
        ];
        Assert.All(secrets, secret => Assert.DoesNotContain(secret, result.Output));

        // Everything that the server, the builder and the registry keep, and what each of them logged: layers are compressed, the rest is searched as it is.
        var list = _stage.Path("secrets");
        await File.WriteAllLinesAsync(list, secrets);
        var found = await _stage.RunAsync("grep", ["--recursive", "--files-with-matches", "--binary-files=text", "--fixed-strings", "--file", list, "--devices=skip", _stage.DataDirectory, _stage.Path("registry/data"), _stage.Path("registry/log")]);
        Assert.Equal("", found.Output);

        // An engine at work takes files away under grep's hands; anything else that it could not read counts.
        Assert.NotEqual(0, found.ExitCode);
        Assert.All(found.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries), line => Assert.EndsWith(": No such file or directory", line));
        Assert.All(secrets, secret => Assert.DoesNotContain(secret, _stage.SlipwayLog));
    }

    private async Task RunAsync(Snippet snippet, string token)
    {
        var step = StepOf(snippet, token);
        var output = (await _machine.RunAsync(step)).MustSucceed().Output;
        if (snippet.Builds)
        {
            Assert.Contains($"[depot] build: {Stage.Url}/builds/", output);
        }

        if (snippet.Lists)
        {
            Assert.Contains(_stage.ProjectId, output);
        }

        Assert.DoesNotContain("\u001b[?1h", output);
        await CheckImageAsync(snippet, step);
    }

    /// <summary>What was pushed is in the registry; what was built with docker is what the agent's Docker runs.</summary>
    private async Task CheckImageAsync(Snippet snippet, AgentStep step)
    {
        if (snippet.PushesTo is { } repository)
        {
            foreach (var tag in snippet.Tags)
            {
                await CheckPushedAsync(repository, tag.Replace("${BUILDKITE_BUILD_NUMBER}", $"{step.Job.BuildNumber}", StringComparison.Ordinal), snippet, step);
            }
        }

        if (snippet.Loads is { } image)
        {
            var name = image.Replace("${BUILDKITE_BUILD_NUMBER}", $"{step.Job.BuildNumber}", StringComparison.Ordinal);
            Assert.Equal($"built from {step.Files["word"]}\n", (await DockerAsync("run", "--rm", name)).MustSucceed().Output);
        }
    }

    /// <summary>Somebody else, who knows the registry alone, gets from there what was built.</summary>
    private async Task CheckPushedAsync(string repository, string tag, Snippet snippet, AgentStep step)
    {
        var (user, password) = repository.StartsWith(Stage.Ecr, StringComparison.Ordinal) ? ("AWS", Stage.EcrPassword) : (Stage.RegistryUser, _stage.RegistryPassword);
        if (snippet.Platforms.Count > 0)
        {
            var (host, name) = (repository.Split('/')[0], repository.Split('/')[1]);
            var list = (await _stage.RunAsync("curl", ["-sSf", "-u", $"{user}:{password}", "-H", "Accept: application/vnd.oci.image.index.v1+json", $"https://{host}/v2/{name}/manifests/{tag}"])).MustSucceed();
            Assert.All(snippet.Platforms, platform => Assert.Contains($"\"architecture\":\"{platform}\"", list.Output.Replace(" ", "", StringComparison.Ordinal)));
            return;
        }

        var image = $"{repository}:{tag}";
        await DockerAsync("image", "rm", "--force", image);
        (await DockerAsync("login", repository.Split('/')[0], "--username", user, "--password", password)).MustSucceed();
        Assert.Equal($"built from {step.Files["word"]}\n", (await DockerAsync("run", "--rm", "--quiet", image)).MustSucceed().Output);
    }

    private Task<CommandResult> DockerAsync(params string[] arguments) =>
        _stage.RunAsync("docker", arguments, new Dictionary<string, string?> { ["DOCKER_HOST"] = "unix:///run/docker.sock" });

    private AgentStep StepOf(Snippet snippet, string token)
    {
        var step = snippet.ToStep(new Dictionary<string, string>
        {
            ["DEPOT_PROJECT_ID"] = _stage.ProjectId,
            ["DEPOT_TOKEN"] = token,
            ["REGISTRY_USERNAME"] = Stage.RegistryUser,
            ["REGISTRY_PASSWORD"] = _stage.RegistryPassword,
        });
        return step with
        {
            Environment = new Dictionary<string, string>([.. step.Environment, .. _stage.AwsOfAgents]),
            Hook = snippet.NeedsLogin ? $"{step.Hook}\n{_stage.RegistryLogin}" : step.Hook,
        };
    }
}
