using System.Text;
using Slipway.BuildKit.FileSync;
using Slipway.BuildKit.FileSync.Linux;
using Slipway.BuildKit.Grpc;
using Xunit;

namespace Slipway.Tests.BuildKit.FileSync;

public sealed class FileSyncProviderTests
{
    [Fact]
    public async Task A_folder_nobody_named_cannot_be_read()
    {
        using var tree = new Tree().File("a");
        var failure = await Assert.ThrowsAsync<GrpcStatusException>(() => PathsAsync(tree, ("dir-name", "../etc")));
        Assert.Equal((GrpcStatusCode.NotFound, "no access allowed to dir \"../etc\""), (failure.Code, failure.Message));
        await Assert.ThrowsAsync<GrpcStatusException>(() => PathsAsync(tree));
    }

    [Fact]
    public async Task A_folder_that_is_gone_is_named()
    {
        using var tree = new Tree();
        var provider = new FileSyncProvider(new Dictionary<string, string> { ["context"] = tree.At("gone") });
        var headers = new Metadata();
        headers.Add("dir-name", "context");
        var failure = await Assert.ThrowsAsync<GrpcStatusException>(() => provider.SendAsync(new MemoryStreamPair(headers).Client, CancellationToken.None));
        Assert.Contains(tree.At("gone"), failure.Message, StringComparison.Ordinal);
        Assert.Contains("o such file", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Repeated_patterns_all_count()
    {
        using var tree = new Tree().File("a").File("b").File("c").File("d,e");
        Assert.Equal(["c"], await PathsAsync(tree, ("dir-name", "context"), ("exclude-patterns", "a"), ("exclude-patterns", "b"), ("exclude-patterns", "d,e")));
        Assert.Equal(["a", "d,e"], await PathsAsync(tree, ("dir-name", "context"), ("include-patterns", "a"), ("include-patterns", "d,e")));
    }

    [Fact]
    public async Task Escaped_values_are_read_as_Go_escapes_them()
    {
        using var tree = new Tree().File("ü ber+").File("100%").File("plain");
        Assert.Equal(
            ["100%", Encoding.Latin1.GetString("ü_ber+"u8)],
            await PathsAsync(tree, ("dir-name", "context"), ("include-patterns", "%C3%BC+ber%2B"), ("include-patterns", "100%25"), ("include-patterns-encoded", "1")));
        Assert.Equal(["100%"], await PathsAsync(tree, ("dir-name", "context"), ("include-patterns", "100%")));
    }

    [Fact]
    public async Task Followed_paths_bring_what_their_links_point_to()
    {
        using var tree = new Tree().File("Dockerfile").File("src/main").Link("app", "src").File("other");
        Assert.Equal(
            ["Dockerfile", "app", "src", "src/main"],
            await PathsAsync(tree, ("dir-name", "context"), ("followpaths", "Dockerfile"), ("followpaths", "app/main"), ("followpaths", "gone")));
        Assert.Equal(5, (await PathsAsync(tree, ("dir-name", "context"), ("followpaths", "."))).Count);
    }

    [Fact]
    public async Task A_malformed_pattern_is_named()
    {
        using var tree = new Tree().File("a");
        var failure = await Assert.ThrowsAsync<GrpcStatusException>(() => PathsAsync(tree, ("dir-name", "context"), ("exclude-patterns", "[")));
        Assert.Equal("syntax error in pattern \"[\"", failure.Message);
    }

    [Fact]
    public async Task The_tar_form_is_offered_and_not_implemented()
    {
        var methods = new FileSyncProvider(new Dictionary<string, string>()).Methods;
        Assert.Equal([FileSyncProvider.DiffCopyMethod, FileSyncProvider.TarStreamMethod], methods.Keys.Order());
        var failure = await Assert.ThrowsAsync<GrpcStatusException>(async () => await methods[FileSyncProvider.TarStreamMethod](null!, CancellationToken.None));
        Assert.Equal(GrpcStatusCode.Unimplemented, failure.Code);
    }

    [Fact]
    public async Task A_private_folder_is_private_and_goes_away()
    {
        string path;
        using (var folder = PrivateFolder.Create("dockerfile-"))
        {
            path = folder.Path;
            await folder.WriteAsync("Dockerfile", "FROM scratch"u8.ToArray(), CancellationToken.None);
            Assert.Equal(0, Libc.StatAt(Libc.AT_FDCWD, Tree.C(path), 0, Libc.StatxBasic, out var stat));
            Assert.Equal(0x1C0, stat.Mode & 0x1FF);
        }

        Assert.False(Directory.Exists(path));
    }

    private static async Task<List<string>> PathsAsync(Tree tree, params (string Name, string Value)[] headers)
    {
        var metadata = new Metadata();
        foreach (var (name, value) in headers)
        {
            metadata.Add(name, value);
        }

        var pair = new MemoryStreamPair(metadata);
        var provider = new FileSyncProvider(new Dictionary<string, string> { ["context"] = tree.Path });
        var sending = pair.RunClientAsync(client => provider.SendAsync(client, CancellationToken.None));
        if (sending.IsFaulted)
        {
            await sending;
        }

        var stats = await RoundTripTests.ReadStatsAsync(pair.Engine);
        await RoundTripTests.FinishAsync(pair.Engine);
        await sending;
        return [.. stats.Select(stat => Encoding.Latin1.GetString(stat.Path).Replace(' ', '_'))];
    }
}
