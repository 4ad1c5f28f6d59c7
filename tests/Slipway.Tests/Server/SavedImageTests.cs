using Grpc.Core;
using Microsoft.Extensions.Time.Testing;
using Slipway.Contract.Depot.Build.V1;
using Slipway.Contract.Depot.Cli.V1;
using Slipway.Tests.Server.Support;
using Xunit;

namespace Slipway.Tests.Server;

/// <summary>The list of a project's saved images, and what removing one of them does and does not do.</summary>
public sealed class SavedImageTests : IAsyncLifetime
{
    private readonly FakeTimeProvider _clock = new(DateTimeOffset.Parse("2026-11-26T10:00:00Z", System.Globalization.CultureInfo.InvariantCulture));
    private FakeRegistry _registry = null!;
    private TestServer _server = null!;
    private string _project = "";

    private RegistryService.RegistryServiceClient Images => new(_server.Invoker(_server.Owner));

    public async ValueTask InitializeAsync()
    {
        _registry = await FakeRegistry.StartAsync();
        _server = await TestServer.StartAsync(_clock, change: options => options with { RegistryUrl = _registry.Url });
        _project = _server.First.ProjectId;
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        await _registry.DisposeAsync();
    }

    [Fact]
    public async Task Images_are_listed_newest_first_page_by_page_with_all_their_platforms()
    {
        var first = await SaveAsync("latest");
        _clock.Advance(TimeSpan.FromMinutes(1));
        var second = await SaveAsync("latest");
        var part = _registry.Save(_project, "", """{"config":{"size":1},"layers":[{"size":2}]}""");
        var index = _registry.Save(_project, second, $$"""{"manifests":[{"digest":"{{part}}"},{"digest":"{{part}}"}]}""");
        var image = _registry.Save(_project, first);
        _registry.Save(_project, "latest");
        _registry.Save(_project, "by-hand");
        _registry.Save($"{_project}-untrusted", "fork");

        var all = new List<Image>();
        var token = "";
        do
        {
            var page = await Images.ListImagesAsync(new() { ProjectId = _project, PageSize = 2, PageToken = token });
            Assert.InRange(page.Images.Count, 1, 2);
            all.AddRange(page.Images);
            token = page.NextPageToken;
        }
        while (token.Length > 0);

        Assert.Equal([second, "latest", first, "by-hand", $"{_project}-untrusted:fork"], all.Select(one => one.Tag));
        Assert.Equal((index, 6UL), Described(all, second));
        Assert.Equal((image, 1110UL), Described(all, first));
        Assert.Null(all.Single(one => one.Tag == "by-hand").PushedAt);
        Assert.Equal(60, (all.Single(one => one.Tag == "latest").PushedAt - all.Single(one => one.Tag == first).PushedAt).Seconds);
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("""{"manifests":7,"layers":{},"config":[]}""")]
    [InlineData("""{"layers":[{"size":-1},{"size":"9"},{},7],"config":{"size":1e99}}""")]
    [InlineData("""{"manifests":[{"digest":"../../elsewhere/manifests/1"},{"digest":5},[],{"digest":"sha256:0000000000000000000000000000000000000000000000000000000000000000"}]}""")]
    public async Task A_manifest_that_somebody_made_odd_is_listed_and_counts_for_nothing(string manifest)
    {
        _registry.Save(_project, "odd", manifest);
        Assert.Equal(("odd", 0UL), (await Images.ListImagesAsync(new() { ProjectId = _project })).Images.Select(image => (image.Tag, image.SizeBytes)).Single());
    }

    [Fact]
    public async Task Nothing_saved_yet_is_an_empty_list() => Assert.Empty((await Images.ListImagesAsync(new() { ProjectId = _project })).Images);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Removing_a_name_leaves_the_image_its_other_names(bool deletesTags)
    {
        _registry.DeletesTags = deletesTags;
        _registry.Save(_project, "one");
        _registry.Save(_project, "two");
        _registry.Save($"{_project}-untrusted", "one");

        await Images.DeleteImageAsync(new() { ProjectId = _project, ImageTags = { "one" } });
        Assert.Equal([$"{_project}-untrusted:one", $"{_project}:two"], _registry.Tags.Keys.Order(StringComparer.Ordinal));

        await Images.DeleteImageAsync(new() { ProjectId = _project, ImageTags = { $"{_project}-untrusted:one", "two" } });
        Assert.Empty(_registry.Tags);
        Assert.Equal(3, (await _server.AuditAsync("image.delete")).Count);
    }

    [Fact]
    public async Task A_name_that_is_not_there_is_told_and_nothing_is_removed()
    {
        _registry.Save(_project, "one");
        var refused = await Assert.ThrowsAsync<RpcException>(async () => await Images.DeleteImageAsync(new() { ProjectId = _project, ImageTags = { "one", "two", "../other" } }));
        Assert.Equal($"project {_project} has no saved image two, ../other; `depot image list` shows those that it has; none was removed", refused.Status.Detail);
        Assert.Single(_registry.Tags);
    }

    [Fact]
    public async Task A_registry_that_is_away_is_named()
    {
        await _registry.DisposeAsync();
        var away = await Assert.ThrowsAsync<RpcException>(async () => await Images.ListImagesAsync(new() { ProjectId = _project }));
        Assert.Equal(StatusCode.Unavailable, away.StatusCode);
        Assert.StartsWith($"the registry {new Uri(_registry.Url).Authority} cannot be reached from the server: ", away.Status.Detail);
    }

    [Fact]
    public async Task A_copy_into_another_registry_is_in_the_audit_log()
    {
        var build = await SaveAsync();
        var push = new PushService.PushServiceClient(_server.Invoker(_server.Owner));
        var started = await push.StartPushAsync(new() { BuildId = build, Tag = "elsewhere/app:1" });
        await push.FinishPushAsync(new() { BuildId = build, PushId = started.PushId, Error = "no space" });
        Assert.Equal("to elsewhere/app:1", Assert.Single(await _server.AuditAsync("push.start")).Detail);
        Assert.Equal($"push {started.PushId} failed: no space", Assert.Single(await _server.AuditAsync("push.finish")).Detail);
    }

    private async Task<string> SaveAsync(params string[] tags)
    {
        var made = await _server.Builds().CreateBuildAsync(new() { ProjectId = _project, Options = { new BuildOptions { Save = true, SaveTags = { tags } } } });
        await _server.Builds().FinishBuildAsync(new() { BuildId = made.BuildId, Success = new() });
        return made.BuildId;
    }

    private static (string Digest, ulong Size) Described(IEnumerable<Image> images, string tag) =>
        images.Where(image => image.Tag == tag).Select(image => (image.Digest, image.SizeBytes)).Single();
}
