using System.Text.Json;

namespace Slipway.AcceptanceTests;

/// <summary>One or two plain lines that name the thing and the remedy, exit code 1, no stack trace, nothing half-recorded.</summary>
public sealed class BadInputTests(Site site)
{
    public static TheoryData<string, string?, string?, string[], string> Cases => new()
    {
        { "no token", "DEPOT_TOKEN", null, ["build", "CONTEXT"], "depot login" },
        { "a token that does not exist", "DEPOT_TOKEN", "nonsense", ["build", "CONTEXT"], "unauthenticated: " },
        { "a token that was cut when it was copied", "DEPOT_TOKEN", "slpp_000000000000000000000000000000000000", ["build", "CONTEXT"], "checksum" },
        { "a project of somebody else", "DEPOT_PROJECT_ID", "p0000000000", ["build", "CONTEXT"], "p0000000000" },
        { "no Dockerfile", null, null, ["build", "EMPTY"], "Dockerfile" },
        { "a Dockerfile that is not there", null, null, ["build", "-f", "nowhere.Dockerfile", "CONTEXT"], "nowhere.Dockerfile" },
        { "a context that is not there", null, null, ["build", "/nowhere/at/all"], "/nowhere/at/all" },
        { "an unknown flag", null, null, ["build", "--frobnicate", "CONTEXT"], "unknown flag: --frobnicate" },
        { "no context", null, null, ["build"], "requires 1 argument" },
        { "a bad tag", null, null, ["build", "-t", "lower/UPPER", "CONTEXT"], "lower/UPPER" },
        { "a push without a tag", null, null, ["build", "--push", "CONTEXT"], "tag is needed" },
        { "a secret without a file", null, null, ["build", "--secret", "id=x,src=/nowhere/secret", "CONTEXT"], "/nowhere/secret" },
        { "a server that is not there", "DEPOT_API_URL", "http://127.0.0.1:9", ["build", "CONTEXT"], "127.0.0.1:9" },
        { "a Docker that is not there", "DOCKER_HOST", "unix:///nowhere/docker.sock", ["build", "--load", "-t", "x:1", "CONTEXT"], "/nowhere/docker.sock" },
        { "a path outside of the context", null, null, ["build", "OUTSIDE"], "outside.txt" },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task It_gets_a_plain_word(string what, string? variable, string? value, string[] arguments, string expected)
    {
        using var context = new WorkFolder().With("Dockerfile", $"FROM {site.BaseImage}\n");
        using var empty = new WorkFolder();
        using var outside = new WorkFolder().With("Dockerfile", $"FROM {site.BaseImage}\nCOPY ../outside.txt /x\n");
        var environment = new Dictionary<string, string?>();
        if (variable is not null)
        {
            environment[variable] = value;
        }

        var before = await RunningBuildsAsync();
        var result = await site.StartDepot(
            arguments.Select(a => a switch { "CONTEXT" => context.Path, "EMPTY" => empty.Path, "OUTSIDE" => outside.Path, _ => a }),
            environment,
            context.Path).WaitAsync(TimeSpan.FromSeconds(60));

        Assert.True(result.ExitCode is 1, $"{what}: exit code {result.ExitCode}\n{result.Everything}");
        Assert.Contains(expected, result.Error);
        Assert.DoesNotContain("   at ", result.Everything);
        Assert.DoesNotContain("Exception", result.Everything);
        Assert.Equal(before, await RunningBuildsAsync());
    }

    [Fact]
    public async Task A_context_that_cannot_be_read_is_named()
    {
        using var context = new WorkFolder().With("Dockerfile", $"FROM {site.BaseImage}\nCOPY . /x\n").With("locked/file", "x");
        File.SetUnixFileMode(context["locked"], UnixFileMode.None);
        File.SetUnixFileMode(context.Path, UnixFileMode.UserRead | UnixFileMode.UserExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute
            | UnixFileMode.UserWrite | UnixFileMode.GroupExecute | UnixFileMode.GroupRead);
        // Root reads everything, so the client runs as nobody.
        var environment = site.With(new Dictionary<string, string?> { ["HOME"] = "/nonexistent", ["XDG_CONFIG_HOME"] = null, ["DOCKER_CONFIG"] = "/nonexistent" });
        var result = await RunningCommand.Start(
            "setpriv", ["--reuid=65534", "--regid=65534", "--clear-groups", Parts.Depot, "build", context.Path], environment).WaitAsync();
        result.MustFail();
        Assert.Contains("locked", result.Error);
        Assert.Contains("permission denied", result.Error, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("   at ", result.Error);
    }

    private async Task<int> RunningBuildsAsync()
    {
        var list = await site.DepotAsync("list", "builds", "--output", "json");
        using var builds = JsonDocument.Parse(list.MustSucceed().Output);
        return builds.RootElement.EnumerateArray().Count(build => build.GetProperty("status").GetString() == "running");
    }
}
