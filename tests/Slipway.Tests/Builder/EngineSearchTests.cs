using Microsoft.Extensions.Logging.Abstractions;
using Slipway.Builder;
using Slipway.Builder.Engine;
using Xunit;

namespace Slipway.Tests.Builder;

public sealed class EngineSearchTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("slw-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Debian_12_s_own_dockerd_is_refused_with_its_version_and_a_remedy()
    {
        Program("dockerd", "Docker version 20.10.24+dfsg1, build 297e128");
        var error = await Assert.ThrowsAsync<EngineException>(() => Find("auto").CheckAsync(Cancellation));
        Assert.Equal("dockerd 20.10.24 is too old: Slipway needs 26 or newer with the containerd image store; "
            + "run ./quickstart or install a newer docker.io", error.Message);
    }

    [Fact]
    public async Task A_buildkitd_below_the_floor_is_refused()
    {
        Program("buildkitd", "buildkitd github.com/moby/buildkit v0.31.1 abcdef");
        var error = await Assert.ThrowsAsync<EngineException>(() => Find("auto").CheckAsync(Cancellation));
        Assert.Contains("buildkitd 0.31.1", error.Message, StringComparison.Ordinal);
        Assert.Contains("needs 0.31.2 or newer", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("buildkitd github.com/moby/buildkit v0.31.2 abcdef", "0.31.2")]
    [InlineData("buildkitd github.com/moby/buildkit v0.0.0-h6 abcdef", "0.0.0")]
    [InlineData("buildkitd github.com/moby/buildkit v1.0.0 abcdef", "1.0.0")]
    public async Task A_new_or_self_built_buildkitd_is_taken(string says, string version)
    {
        Program("buildkitd", says);
        var facts = await Find("auto").CheckAsync(Cancellation);
        Assert.Equal((version, MachineArchitecture.Name), (facts.Version, Assert.Single(facts.Architectures)));
    }

    [Fact]
    public async Task Something_else_by_that_name_is_not_taken()
    {
        Program("buildkitd", "hello");
        var error = await Assert.ThrowsAsync<EngineException>(() => Find("buildkitd").CheckAsync(Cancellation));
        Assert.Contains("that is no buildkitd", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Buildkitd_is_preferred()
    {
        Program("dockerd", "x");
        Program("buildkitd", "x");
        Assert.Equal("buildkitd", Find("auto").Kind);
        Assert.Equal("dockerd", Find("dockerd").Kind);
        Assert.Equal("dockerd", Find(Path.Combine(_folder, "dockerd")).Kind);
        Assert.Equal("address", Find("unix:///run/buildkit/buildkitd.sock").Kind);
    }

    [Fact]
    public void With_no_engine_the_error_names_what_was_looked_for_and_where()
    {
        var error = Assert.Throws<EngineException>(() => Find("auto"));
        Assert.Contains($"found no buildkitd and no dockerd in {_folder}", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_address_serves_the_first_project_only_also_after_a_restart()
    {
        var first = new EngineFolder(_folder, "p1", "amd64");
        await new BuildkitdAddress(new Uri("tcp://127.0.0.1:1"), _folder).PrepareAsync(first, default, Cancellation);
        var again = new BuildkitdAddress(new Uri("tcp://127.0.0.1:1"), _folder);
        await again.PrepareAsync(first, default, Cancellation);
        var error = await Assert.ThrowsAsync<EngineException>(() =>
            again.PrepareAsync(new EngineFolder(_folder, "p2", "amd64"), default, Cancellation));
        Assert.Contains("serves project p1 only", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_address_without_a_buildkitd_says_so()
    {
        var address = new BuildkitdAddress(new Uri("unix://" + _folder + "/none.sock"), _folder);
        var error = await Assert.ThrowsAsync<EngineException>(() => address.CheckAsync(Cancellation));
        Assert.Contains("no buildkitd answers at unix://", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1000L << 30, 900L << 20, false)]
    [InlineData(1000L << 30, 1100L << 20, true)]
    [InlineData(10L << 30, 600L << 20, true)]
    [InlineData(10L << 30, 400L << 20, false)]
    public void A_full_disk_is_refused_at_1_GiB_or_5_percent_of_a_small_one(long total, long free, bool enough)
    {
        var error = CacheBudget.LackOfSpace("/data", free, total);
        Assert.Equal(enough, error is null);
        if (!enough)
        {
            Assert.Contains($"no space left for builds in /data ({free >> 20} MiB free); run \"depot cache reset\" or free space", error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Every_problem_of_the_options_is_reported_at_once()
    {
        var problems = new BuilderOptions
        {
            Server = new Uri("ftp://x"),
            DataDirectory = new string('d', 80),
            Listen = "nowhere",
            Advertise = "host",
            Engine = "podman",
            MaxParallelism = 0,
            BridgePool = "10.0.0.0/30",
        }.Validate();
        Assert.Equal(7, problems.Count);
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private IEngineProgram Find(string engine) => EngineSearch.Find(
        new BuilderOptions { Server = new Uri("http://x"), DataDirectory = _folder, Engine = engine, SearchPath = _folder }, NullLogger.Instance);

    private void Program(string name, string says)
    {
        var path = Path.Combine(_folder, name);
        File.WriteAllText(path, $"#!/bin/sh\necho '{says}'\n");
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }
}
