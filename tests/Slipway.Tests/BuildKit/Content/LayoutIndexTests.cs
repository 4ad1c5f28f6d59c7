using System.Text.Json.Nodes;
using Slipway.BuildKit.Content;
using Slipway.BuildKit.Grpc;
using Slipway.Tests.Support;
using Xunit;

namespace Slipway.Tests.BuildKit.Content;

/// <summary>What the engine's exporters leave in an OCI layout of this machine.</summary>
public sealed class LayoutIndexTests : IDisposable
{
    private static readonly byte[] Blob = "the bytes of a layer"u8.ToArray();

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_blob_is_there_when_it_is_whole_and_nobody_can_change_it()
    {
        await BlobCall.SendAsync(Intake(), "layer", Blob);
        var path = Layout.PathOf(BlobCall.Digest(Blob))!;
        Assert.Equal(Blob, await File.ReadAllBytesAsync(path));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.GroupRead | UnixFileMode.OtherRead, File.GetUnixFileMode(path));
        var again = await Assert.ThrowsAsync<GrpcStatusException>(() => BlobCall.SendAsync(Intake(), "layer", Blob));
        Assert.Equal(GrpcStatusCode.AlreadyExists, again.Code);
    }

    [Fact]
    public async Task Of_a_blob_with_wrong_contents_nothing_is_left()
    {
        var other = BlobCall.Digest("other"u8);
        await Assert.ThrowsAsync<GrpcStatusException>(() => BlobCall.SendAsync(Intake(), "layer", Blob, other));
        Assert.Empty(Directory.GetFiles(_folder.Path, "*", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task A_name_stands_for_what_came_last_and_other_entries_stay()
    {
        await PutAsync("sha256:a", LayoutName.OfImage("docker.io/a/b:1"), LayoutName.OfImage("docker.io/c:1"));
        await PutAsync("sha256:b", LayoutName.OfTag("1"));
        await PutAsync("sha256:c", LayoutName.OfImage("docker.io/a/b:1"));
        Assert.Equal(
            ["sha256:a docker.io/c:1 1", "sha256:b  1", "sha256:c docker.io/a/b:1 1"],
            Entries().Select(entry => $"{entry["digest"]} {entry["annotations"]!["io.containerd.image.name"]} {entry["annotations"]!["org.opencontainers.image.ref.name"]}"));
        Assert.Equal(["index.json", "oci-layout"], Directory.GetFiles(_folder.Path).Select(Path.GetFileName).Order());
    }

    [Fact]
    public async Task Annotations_and_foreign_keys_are_kept()
    {
        await File.WriteAllTextAsync(Path.Combine(_folder.Path, "index.json"), """{"schemaVersion":2,"manifests":[],"x":1}""");
        await new LayoutIndex(Layout, TimeProvider.System).PutAsync(
            """{"mediaType":"application/vnd.oci.image.index.v1+json","digest":"sha256:a","annotations":{"k":"v"}}""", [LayoutName.OfTag("latest")], default);
        Assert.Equal(
            """{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.index.v1+json","digest":"sha256:a","annotations":{"k":"v","org.opencontainers.image.ref.name":"latest"}}],"x":1,"mediaType":"application/vnd.oci.image.index.v1+json"}""",
            await File.ReadAllTextAsync(Path.Combine(_folder.Path, "index.json")));
    }

    [Fact]
    public async Task Several_at_once_lose_nothing()
    {
        await Task.WhenAll(Enumerable.Range(0, 20).Select(i => Task.Run(() => PutAsync($"sha256:{i}", LayoutName.OfTag($"{i}")))));
        Assert.Equal(20, Entries().Count());
    }

    [Theory]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("""{"manifests":{}}""")]
    public async Task A_file_that_is_no_index_is_not_overwritten(string text)
    {
        var path = Path.Combine(_folder.Path, "index.json");
        await File.WriteAllTextAsync(path, text);
        var problem = await Assert.ThrowsAsync<IOException>(() => PutAsync("sha256:a", LayoutName.OfTag("1")));
        Assert.Equal($"{path} is not the index of an OCI layout", problem.Message);
        Assert.Equal(text, await File.ReadAllTextAsync(path));
    }

    [Theory]
    [InlineData("docker.io/library/a:1", "1")]
    [InlineData("localhost:5000/a", "")]
    [InlineData("localhost:5000/a:1@sha256:0", "1@sha256:0")]
    [InlineData("localhost:5000/a@sha256:0", "@sha256:0")]
    public void A_tag_is_what_follows_the_name(string image, string tag) => Assert.Equal(new LayoutName(image, tag), LayoutName.OfImage(image));

    private OciLayout Layout => new(_folder.Path);

    private BlobIntake Intake() => new(new Dictionary<string, BlobStore> { [BlobIntake.Export] = Layout.Store });

    private Task PutAsync(string digest, params LayoutName[] names) =>
        new LayoutIndex(Layout, TimeProvider.System).PutAsync($$"""{"digest":"{{digest}}"}""", names, CancellationToken.None);

    private IEnumerable<JsonNode> Entries() => JsonNode.Parse(File.ReadAllText(Path.Combine(_folder.Path, "index.json")))!["manifests"]!.AsArray()!;
}
