namespace Slipway.AcceptanceTests;

/// <summary>The published `depot` client, unmodified, against this server.</summary>
public sealed class PublishedClientTests(Site site)
{
    [Fact]
    public async Task It_lists_projects()
    {
        var result = await site.StartPublishedDepot(["list", "projects"]).WaitAsync();
        var lines = result.MustSucceed().Output.Split('\n');
        Assert.Equal("Project ID,Name", lines[0]);

        // Other tests have projects of their own meanwhile.
        Assert.Contains($"{site.ProjectId},default", lines);
    }

    [Fact]
    public async Task It_builds()
    {
        using var context = Context();
        var result = await site.StartPublishedDepot(["build", "--progress=plain", context.Path]).WaitAsync();
        Assert.Contains("[depot] build: ", result.MustSucceed().Error);
    }

    [Fact]
    public async Task It_pushes()
    {
        using var context = Context();
        var image = $"{site.Registry}/published:{Guid.NewGuid():N}";
        (await site.StartPublishedDepot(["build", "-t", image, "--push", context.Path]).WaitAsync()).MustSucceed();
        var run = await site.DockerAsync("run", "--rm", image, "cat", "/word");
        Assert.Equal("published\n", run.MustSucceed().Output);
    }

    [Fact]
    public async Task It_loads()
    {
        using var context = Context();
        (await site.StartPublishedDepot(["build", "-t", "published:loaded", "--load", context.Path]).WaitAsync()).MustSucceed();
        var run = await site.DockerAsync("run", "--rm", "published:loaded", "cat", "/word");
        Assert.Equal("published\n", run.MustSucceed().Output);
    }

    [Fact]
    public async Task Its_builds_are_recorded_with_their_steps()
    {
        using var context = Context();
        var result = await site.StartPublishedDepot(["build", "--progress=plain", context.Path]).WaitAsync();
        var build = Records.BuildIdOf(result.MustSucceed());
        var log = await Records.EventuallyAsync(
            () => site.AdminAsync("build", "logs", build), log => log.Output.Contains("said by a step", StringComparison.Ordinal));
        Assert.Contains("said by a step", log.Output);
    }

    [Fact]
    public async Task A_wrong_token_gets_one_plain_line()
    {
        using var context = Context();
        var result = await RunningCommand.Start(
            Parts.PublishedDepot, ["build", context.Path],
            site.With(new Dictionary<string, string?> { ["DEPOT_TOKEN"] = "slpp_" + new string('0', 36) })).WaitAsync();
        result.MustFail();
        Assert.Contains("unauthenticated: ", result.Error);
    }

    private WorkFolder Context() => new WorkFolder().With(
        "Dockerfile", $"FROM {site.BaseImage}\nRUN echo said by a step {Guid.NewGuid():N} && echo published > /word\n");
}
