using Slipway.BuildKit.FileSync;
using Slipway.BuildKit.FileSync.Linux;
using Slipway.BuildKit.FileSync.Portable;
using Slipway.BuildKit.Grpc;
using Xunit;
using static Slipway.Tests.BuildKit.FileSync.RoundTripTests;

namespace Slipway.Tests.BuildKit.FileSync;

public abstract class StableTimeTests
{
    private protected abstract RootFolder Open(string path);

    /// <summary>Longer than what one read takes.</summary>
    private static readonly string Long = new('l', 300_000);

    [Fact]
    public async Task Equal_contents_have_equal_times_whatever_the_files_own_are()
    {
        using var first = Plant("same").Link("folder/link", "../file");
        using var second = Plant("same").Link("folder/link", "../file");
        foreach (var file in Directory.GetFileSystemEntries(second.Path, "*", SearchOption.AllDirectories))
        {
            File.SetLastWriteTimeUtc(file, new DateTime(2024, 5, 6, 7, 8, 9, DateTimeKind.Utc));
        }

        var times = await TimesAsync(first);
        Assert.Equal(times, await TimesAsync(second));
        Assert.All(times.Values, time => Assert.Equal("2000-01-01", DateTimeOffset.FromUnixTimeMilliseconds(time / 1_000_000).ToString("yyyy-MM-dd")));
        Assert.Equal(ContentTime.Midnight, times["folder"]);
        Assert.Equal(ContentTime.Midnight, times["folder/link"]);
        Assert.Equal(4, times.Values.Distinct().Count());
    }

    [Fact]
    public async Task A_change_that_keeps_the_size_changes_the_time()
    {
        using var first = Plant("same");
        using var second = Plant("sane").File("long", Long[..^1] + "L");
        var (before, after) = (await TimesAsync(first), await TimesAsync(second));
        Assert.Equal(["file", "long"], before.Keys.Where(path => before[path] != after[path]).Order());
    }

    [Theory]
    [InlineData("file", 0)]
    [InlineData("long", 3)]
    public async Task A_file_that_changes_before_it_is_sent_ends_the_transfer(string path, uint id)
    {
        using var from = Plant("same");
        var pair = new MemoryStreamPair();
        using var root = Open(from.Path);
        var sending = pair.RunClientAsync(client => Sender(client, root).RunAsync(CancellationToken.None));
        await ReadStatsAsync(pair.Engine);
        File.WriteAllText(from.At(path), File.ReadAllText(from.At(path)).ToUpperInvariant());
        await RequestAsync(pair.Engine, id);
        while (true)
        {
            using var message = await pair.Engine.ReadAsync(CancellationToken.None);
            var packet = Packet.Read(message!.Payload);
            if (packet.Type == PacketType.Error)
            {
                Assert.Contains($"{from.At(path)} changed while it was being sent", packet.ErrorText());
                break;
            }

            Assert.False(packet.Data.IsEmpty, "The file was ended as if it were whole.");
        }

        await Assert.ThrowsAsync<GrpcStatusException>(() => sending);
    }

    [Fact]
    public async Task What_is_sent_arrives_with_the_time_of_its_contents()
    {
        using var from = Plant("same");
        using var to = new Tree();
        var pair = new MemoryStreamPair();
        using var root = Open(from.Path);
        await ReceiveAsync(Open, pair, to, pair.RunClientAsync(client => Sender(client, root).RunAsync(CancellationToken.None)));
        Assert.Equal(Long, File.ReadAllText(to.At("long")));
        Assert.Equal(new DateTime(2000, 1, 1, 0, 0, 0, DateTimeKind.Utc), File.GetLastWriteTimeUtc(to.At("long")).Date);
    }

    private static FileSender Sender(IGrpcStream stream, RootFolder root) => new(stream, root, WalkFilter.Everything, times: FileTimes.OfContents);

    private static Tree Plant(string content) => new Tree().File("file", content).File("folder/empty").File("long", Long);

    private async Task<Dictionary<string, long>> TimesAsync(Tree tree)
    {
        using var root = Open(tree.Path);
        await using var walk = new ContextWalk(root, WalkFilter.Everything, times: FileTimes.OfContents);
        var times = new Dictionary<string, long>();
        await foreach (var walked in walk.EntriesAsync(CancellationToken.None))
        {
            times[WirePath.Show(WirePath.Join(walked.Parent.Path, walked.Name))] = walked.Entry.ModTime;
        }

        return times;
    }
}

/// <summary>The same by Linux' own calls.</summary>
public sealed class LinuxStableTimeTests : StableTimeTests
{
    private protected override RootFolder Open(string path) => LinuxFolder.Open(path);
}

/// <summary>The same by .NET alone, as on macOS and Windows.</summary>
public sealed class PortableStableTimeTests : StableTimeTests
{
    private protected override RootFolder Open(string path) => PortableFolder.Open(path);
}
