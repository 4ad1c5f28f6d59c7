namespace Slipway.AcceptanceTests.Pipelines;

/// <summary>The Buildkite plugin on an agent's machine, with the real client and a real build. Its parts have tests of their own beside it.</summary>
public sealed class PluginTests(StageHouse house) : IAsyncLifetime
{
    /// <summary>The agent runs a hook in a shell of its own and keeps what that has exported; its command for annotations says what it was told.</summary>
    private static readonly string Agent = $$"""
        plugin={{Path.Combine(Parts.Root, "deploy/buildkite/slipway-buildkite-plugin")}}
        agent_hook() {
          bash -c '. "$0"; export -p | sed "s/^declare -x/export/" >"$1"' "$plugin/hooks/$1" "$HOME/exported" || return
          . "$HOME/exported"
        }
        mkdir -p "$HOME/.local/bin"
        printf '#!/bin/sh\necho "annotated: $*"; cat\n' >"$HOME/.local/bin/buildkite-agent"
        chmod +x "$HOME/.local/bin/buildkite-agent"
        agent_hook environment && agent_hook pre-command || exit 1
        """;

    private Stage _stage = null!;
    private AgentMachine _machine = null!;

    public async ValueTask InitializeAsync()
    {
        _stage = await house.StageAsync();
        _machine = await _stage.StartMachineAsync();
    }

    public ValueTask DisposeAsync() => _machine.DisposeAsync();

    [Fact]
    public async Task Builds_that_succeed_fail_and_are_canceled_are_in_the_annotation()
    {
        var step = Step(
            """
            docker build -t my-image .
            docker build -f fails . && exit 9
            timeout --preserve-status --signal=TERM 20 depot build -f sleeps . && exit 9
            exit 3
            """);
        step = step with
        {
            Files = new Dictionary<string, string>(step.Files)
            {
                ["fails"] = $"FROM {Stage.BaseImage}\nRUN exit 7\n",
                ["sleeps"] = $"FROM {Stage.BaseImage}\nARG SALT={step.Job.Id}\nRUN sleep 300\n",
            },
        };
        var output = (await _machine.RunAsync(step)).MustFail(3).Output;
        Assert.Contains($"annotated: annotate --style error --context slipway-{step.Job.Id}", output);
        Assert.All(
            [":white_check_mark:", ":x:", ":no_entry_sign:"],
            mark => Assert.Matches($@"\| {mark} \| <a href=""{Stage.Url}/builds/(\w+)"">\1</a> \| {_stage.ProjectId} \| \d+ \|", output));
        Assert.Contains("nothing is left", output);
    }

    [Fact]
    public async Task A_step_that_builds_nothing_is_not_annotated()
    {
        var output = (await _machine.RunAsync(Step("depot projects list"))).MustSucceed().Output;
        Assert.Contains(_stage.ProjectId, output);
        Assert.DoesNotContain("annotated: ", output);
        Assert.Contains("nothing is left", output);
    }

    private AgentStep Step(string command)
    {
        var job = new BuildkiteJob();
        return new AgentStep
        {
            Job = job,
            Hook = Agent,
            Command = command,
            AfterHook = $"agent_hook post-command; agent_hook pre-exit; ls -d /tmp/slipway-plugin-{job.Id} 2>/dev/null || echo 'nothing is left'",
            Environment = new Dictionary<string, string>
            {
                ["BUILDKITE_PLUGIN_SLIPWAY_URL"] = Stage.Url,
                ["BUILDKITE_PLUGIN_SLIPWAY_PROJECT"] = _stage.ProjectId,
            },
        };
    }
}
