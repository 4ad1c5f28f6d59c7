namespace Slipway.AcceptanceTests.Pipelines;

/// <summary>What the repository has for the owners of pipelines: its own tests pass, and its scripts are clean.</summary>
public sealed class DeployTests
{
    [Theory]
    [InlineData("deploy/buildkite/slipway-buildkite-plugin/tests")]
    [InlineData("deploy/buildkite/elastic-ci-stack/tests")]
    public async Task The_scripts_tests_pass(string tests)
    {
        var result = await RunningCommand.Start("bats", [tests]).WaitAsync();
        Assert.DoesNotContain("not ok", result.MustSucceed().Output);
        Assert.Contains("\nok 1 ", result.Output);
    }

    /// <summary>systemd itself reads the units; only the program's place is this checkout's.</summary>
    [Fact]
    public async Task The_units_are_sound()
    {
        using var folder = new WorkFolder("units");
        var units = Directory.GetFiles(Path.Combine(Parts.Root, "deploy/systemd"), "*.service").Order(StringComparer.Ordinal).ToList();
        foreach (var unit in units)
        {
            folder.With(Path.GetFileName(unit), (await File.ReadAllTextAsync(unit)).Replace("/opt/slipway/slipway", Path.Combine(Parts.Root, "out/bin/slipway"), StringComparison.Ordinal));
        }

        var result = await RunningCommand.Start("systemd-analyze", ["verify", "--man=no", "--generators=no", .. units.Select(unit => folder[Path.GetFileName(unit)])]).WaitAsync();

        Assert.Equal(["slipway-builder.service", "slipway-server.service", "slipway.service"], units.Select(unit => Path.GetFileName(unit)));
        Assert.Equal("", result.MustSucceed().Everything);
    }

    [Fact]
    public async Task The_scripts_of_this_repository_are_clean_under_shellcheck()
    {
        const string scripts = "git ls-files --cached --others --exclude-standard | xargs grep -lE '^#!.*(sh|bash|bats)$|^# shellcheck shell='";
        var result = await RunningCommand.Start("bash", ["-c", $"{scripts} | xargs shellcheck -x"]).WaitAsync();
        Assert.Equal("", result.Everything);
    }
}
