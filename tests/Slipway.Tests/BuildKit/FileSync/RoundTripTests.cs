using System.Net.Sockets;
using Slipway.BuildKit.FileSync;
using Slipway.BuildKit.FileSync.Linux;
using Slipway.BuildKit.FileSync.Portable;
using Slipway.BuildKit.Grpc;
using Xunit;

namespace Slipway.Tests.BuildKit.FileSync;

/// <summary>A folder sent to a receiver.</summary>
public abstract class RoundTripTests
{
    private protected abstract RootFolder Open(string path);

    [Fact]
    public async Task A_name_that_is_no_text_is_named()
    {
        using var from = new Tree().RawFile([(byte)'n', 0xFF], "x");
        var failure = await Assert.ThrowsAsync<GrpcStatusException>(() => CopyAsync(from, new Tree()));
        Assert.Contains("no valid Unicode", failure.Message);
    }

    [Fact]
    public async Task A_tree_arrives_as_it_left()
    {
        using var from = new Tree()
            .File("plain", "text").File("empty").File("script", "#!", 755).File("secret", "s", 600).File("setuid", "x", 4755).File("none", "n", 0)
            .Folder("hollow").File("deep/er/and/er/f", "f").Bytes("big", Noise(3_000_000)).Bytes("exact", Noise(256 * 1024)).Bytes("page", Noise(4096))
            .Link("link", "plain").Link("deep/dangling", "/nowhere/at all").File("ünï", "u").File("name with spaces\nand a line", "n");
        from.Mode("hollow", 1777).Mode("deep/er", 500);
        Directory.SetLastWriteTimeUtc(from.At("deep"), new DateTime(2001, 2, 3, 4, 5, 6, DateTimeKind.Utc));
        File.SetLastWriteTimeUtc(from.At("plain"), new DateTime(1960, 2, 3, 4, 5, 6, DateTimeKind.Utc).AddTicks(7));
        from.RoundTimes();
        using var to = new Tree();
        await CopyAsync(from, to);
        Assert.Equal(await from.DescribeAsync(), await to.DescribeAsync());
    }

    [Fact]
    public async Task Ten_thousand_small_files_arrive()
    {
        using var from = new Tree();
        for (var i = 0; i < 10_000; i++)
        {
            from.File($"d{i / 100}/f{i}", $"content {i}");
        }

        from.RoundTimes();
        using var to = new Tree();
        await CopyAsync(from, to);
        Assert.Equal(await from.DescribeAsync(), await to.DescribeAsync());
    }

    [Fact]
    public async Task A_socket_travels_as_an_empty_file()
    {
        using var from = new Tree();
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(from.At("s")));
        using var to = new Tree();
        await CopyAsync(from, to);
        Assert.Equal(0, new FileInfo(to.At("s")).Length);
    }

    [Fact]
    public async Task What_is_there_already_is_replaced_and_the_rest_stays()
    {
        using var from = new Tree().File("file", "new").File("was-folder", "file now").File("was-link", "w").File("folder/in", "i").Link("l", "file").File("kept/new", "n");
        using var outside = new Tree().File("victim", "untouched").Folder("folder");
        using var to = new Tree().File("file", "old, and longer").File("was-folder/x/y", "gone").Link("was-link", outside.At("victim"))
            .Link("folder", outside.At("folder")).File("l", "a file").File("kept/old", "o").File("mine", "m").HardLink("mine2", "file");
        await CopyAsync(from, to);
        Assert.Equal(["file", "folder", "folder/in", "kept", "kept/new", "kept/old", "l", "mine", "mine2", "was-folder", "was-link"], await to.PathsAsync());
        Assert.Equal("new", File.ReadAllText(to.At("file")));
        Assert.Equal("old, and longer", File.ReadAllText(to.At("mine2")));
        Assert.Equal("file now", File.ReadAllText(to.At("was-folder")));
        Assert.Equal("untouched", File.ReadAllText(outside.At("victim")));
        Assert.Empty(Directory.GetFileSystemEntries(outside.At("folder")));
        Assert.Equal("file", new FileInfo(to.At("l")).LinkTarget);
    }

    [Fact]
    public async Task A_file_that_vanishes_before_it_is_asked_for_is_empty()
    {
        using var from = new Tree().File("a", "a").File("b", "b").File("c", "c").File("d/e", "e");
        using var outside = new Tree().File("e", "secret");
        var pair = new MemoryStreamPair();
        using var root = Open(from.Path);
        var sending = pair.RunClientAsync(client => new FileSender(client, root, WalkFilter.Everything).RunAsync(CancellationToken.None));
        await ReadStatsAsync(pair.Engine);
        File.Delete(from.At("b"));
        File.Delete(from.At("c"));
        from.Pipe("c");
        Directory.Delete(from.At("d"), recursive: true);
        from.Link("d", outside.Path);
        Assert.Equal("a", await FetchAsync(pair.Engine, 0));
        Assert.Equal("", await FetchAsync(pair.Engine, 1));
        Assert.Equal("", await FetchAsync(pair.Engine, 2));
        Assert.Equal("", await FetchAsync(pair.Engine, 4));
        await FinishAsync(pair.Engine);
        await sending;
    }

    [Fact]
    public async Task A_file_that_changes_its_size_arrives_as_it_is_now()
    {
        using var from = new Tree().File("grows", "1").File("shrinks", new string('x', 100_000));
        var pair = new MemoryStreamPair();
        using var root = Open(from.Path);
        var sending = pair.RunClientAsync(client => new FileSender(client, root, WalkFilter.Everything).RunAsync(CancellationToken.None));
        await ReadStatsAsync(pair.Engine);
        from.File("grows", new string('y', 600_000)).File("shrinks", "z");
        Assert.Equal(new string('y', 600_000), await FetchAsync(pair.Engine, 0));
        Assert.Equal("z", await FetchAsync(pair.Engine, 1));
        await FinishAsync(pair.Engine);
        await sending;
    }

    [Theory]
    [InlineData(1u)]
    [InlineData(2u)]
    [InlineData(77u)]
    public async Task Only_regular_files_can_be_asked_for(uint id)
    {
        using var from = new Tree().File("a", "a").Folder("d").Link("l", "a");
        var pair = new MemoryStreamPair();
        using var root = Open(from.Path);
        var sending = pair.RunClientAsync(client => new FileSender(client, root, WalkFilter.Everything).RunAsync(CancellationToken.None));
        await ReadStatsAsync(pair.Engine);
        await RequestAsync(pair.Engine, id);
        var failure = await Assert.ThrowsAsync<GrpcStatusException>(() => sending);
        Assert.Equal($"invalid file id {id}", failure.Message);
    }

    [Fact]
    public async Task A_file_can_be_asked_for_once()
    {
        using var from = new Tree().File("a", "a");
        var pair = new MemoryStreamPair();
        using var root = Open(from.Path);
        var sending = pair.RunClientAsync(client => new FileSender(client, root, WalkFilter.Everything).RunAsync(CancellationToken.None));
        await ReadStatsAsync(pair.Engine);
        Assert.Equal("a", await FetchAsync(pair.Engine, 0));
        await RequestAsync(pair.Engine, 0);
        await Assert.ThrowsAsync<GrpcStatusException>(() => sending);
    }

    [Fact]
    public async Task A_file_that_may_not_be_read_ends_the_build_with_its_name()
    {
        // The kernel refuses to read this one, even to root.
        const string folder = "/sys/bus/platform";
        Assert.SkipUnless(File.Exists(folder + "/drivers_probe"), "this kernel has no file that nobody may read");
        var pair = new MemoryStreamPair();
        using var root = Open(folder);
        var sending = pair.RunClientAsync(client => new FileSender(client, root, ContextWalkTests.Filter(["drivers_probe"], [])).RunAsync(CancellationToken.None));
        await ReadStatsAsync(pair.Engine);
        await RequestAsync(pair.Engine, 0);
        using var message = await pair.Engine.ReadAsync(CancellationToken.None);
        var packet = Packet.Read(message!.Payload);
        Assert.Equal(PacketType.Error, packet.Type);
        Assert.Contains(folder + "/drivers_probe", packet.ErrorText(), StringComparison.Ordinal);
        var failure = await Assert.ThrowsAsync<GrpcStatusException>(() => sending);
        Assert.Equal(packet.ErrorText(), failure.Message);
    }

    [Fact]
    public async Task The_receivers_error_ends_the_transfer()
    {
        using var from = new Tree().File("a");
        var pair = new MemoryStreamPair();
        using var root = Open(from.Path);
        var sending = pair.RunClientAsync(client => new FileSender(client, root, WalkFilter.Everything).RunAsync(CancellationToken.None));
        await using (var packets = new PacketWriter(pair.Engine, 64))
        {
            packets.AppendError("disk full"u8);
            await packets.DrainAsync(CancellationToken.None);
        }

        var failure = await Assert.ThrowsAsync<GrpcStatusException>(() => sending);
        Assert.Equal("error from receiver: disk full", failure.Message);
    }

    [Fact]
    public async Task A_receiver_that_leaves_ends_the_transfer()
    {
        using var from = new Tree().File("a");
        var pair = new MemoryStreamPair();
        using var root = Open(from.Path);
        var sending = pair.RunClientAsync(client => new FileSender(client, root, WalkFilter.Everything).RunAsync(CancellationToken.None));
        pair.Engine.HalfClose();
        await Assert.ThrowsAsync<GrpcStatusException>(() => sending);
    }

    [Fact]
    public async Task A_transfer_can_be_cancelled_while_the_receiver_stalls()
    {
        using var from = new Tree();
        for (var i = 0; i < 3000; i++)
        {
            from.File($"f{i}");
        }

        using var stop = new CancellationTokenSource();
        using var root = Open(from.Path);
        var sending = new FileSender(new MemoryStreamPair().Client, root, WalkFilter.Everything).RunAsync(stop.Token);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sending);
    }

    [Fact]
    public async Task Progress_counts_what_was_sent()
    {
        using var from = new Tree().Bytes("big", Noise(1_000_000)).File("small", "s");
        using var to = new Tree();
        long sent = 0;
        var pair = new MemoryStreamPair();
        using var root = Open(from.Path);
        var sending = pair.RunClientAsync(client => new FileSender(client, root, WalkFilter.Everything, new TransferWatch((bytes, _) => InterlockedMax(ref sent, bytes))).RunAsync(CancellationToken.None));
        await ReceiveAsync(Open, pair, to, sending);
        Assert.InRange(sent, 1_000_000, 1_002_000);
    }

    [Theory]
    [InlineData(1_000_000, "node_modules/ 900001, big.bin 100000, Dockerfile 4")]
    [InlineData(2_000_000, "")]
    public async Task A_heavy_folder_is_told_once_with_what_makes_it_so(int from, string expected)
    {
        using var heavy = new Tree().Bytes("node_modules/a/b/c", Noise(900_000)).File("node_modules/d", "d").Bytes("big.bin", Noise(100_000)).File("Dockerfile", "FROM")
            .Folder("empty").Link("link", "node_modules").Bytes("ignored", Noise(500_000));
        using var to = new Tree();
        var told = new List<string>();
        var pair = new MemoryStreamPair();
        using var root = Open(heavy.Path);
        var watch = new TransferWatch((_, _) => { })
        {
            HeavyFrom = from,
            Heavy = weights => told.Add(string.Join(", ", weights.Select(weight => $"{weight.Name}{(weight.IsFolder ? "/" : "")} {weight.Bytes}"))),
        };
        var sending = pair.RunClientAsync(client => new FileSender(client, root, ContextWalkTests.Filter([], ["ignored"]), watch).RunAsync(CancellationToken.None));
        await ReceiveAsync(Open, pair, to, sending);
        Assert.Equal(expected, string.Join('\n', told));
    }

    private protected Task CopyAsync(Tree from, Tree to, WalkFilter? filter = null) => CopyAsync(Open, from, to, filter);

    internal static async Task CopyAsync(Func<string, RootFolder> open, Tree from, Tree to, WalkFilter? filter = null)
    {
        var pair = new MemoryStreamPair();
        using var root = open(from.Path);
        var sending = pair.RunClientAsync(client => new FileSender(client, root, filter ?? WalkFilter.Everything).RunAsync(CancellationToken.None));
        await ReceiveAsync(open, pair, to, sending);
    }

    internal static async Task ReceiveAsync(Func<string, RootFolder> open, MemoryStreamPair pair, Tree to, Task sending)
    {
        using var destination = open(to.Path);
        using var receiver = new FileReceiver(pair.Engine, destination);
        var receiving = receiver.RunAsync(CancellationToken.None);
        await sending;
        await receiving;
    }

    internal static async Task<List<FileStat>> ReadStatsAsync(IGrpcStream stream)
    {
        var stats = new List<FileStat>();
        while (true)
        {
            using var message = await stream.ReadAsync(CancellationToken.None);
            if (Packet.Read(message!.Payload).Stat is not { } stat)
            {
                return stats;
            }

            stats.Add(FileStat.Read(stat));
        }
    }

    internal static async Task RequestAsync(IGrpcStream stream, uint id)
    {
        await using var packets = new PacketWriter(stream, 64);
        packets.AppendRequest(id);
        await packets.DrainAsync(CancellationToken.None);
    }

    internal static async Task<string> FetchAsync(IGrpcStream stream, uint id)
    {
        await RequestAsync(stream, id);
        var content = new List<byte>();
        while (true)
        {
            using var message = await stream.ReadAsync(CancellationToken.None);
            var packet = Packet.Read(message!.Payload);
            Assert.Equal((PacketType.Data, id), (packet.Type, packet.Id));
            if (packet.Data.IsEmpty)
            {
                return System.Text.Encoding.UTF8.GetString([.. content]);
            }

            foreach (var part in packet.Data)
            {
                content.AddRange(part.Span);
            }
        }
    }

    internal static async Task FinishAsync(IGrpcStream stream)
    {
        await using (var packets = new PacketWriter(stream, 64))
        {
            packets.AppendFinish();
            await packets.DrainAsync(CancellationToken.None);
        }

        using var message = await stream.ReadAsync(CancellationToken.None);
        Assert.Equal(PacketType.Finish, Packet.Read(message!.Payload).Type);
    }

    private static byte[] Noise(int length)
    {
        var bytes = new byte[length];
        new Random(length).NextBytes(bytes);
        return bytes;
    }

    private static void InterlockedMax(ref long target, long value)
    {
        long seen;
        while (value > (seen = Interlocked.Read(ref target)) && Interlocked.CompareExchange(ref target, value, seen) != seen)
        {
        }
    }
}

/// <summary>The same by Linux' own calls.</summary>
public sealed class LinuxRoundTripTests : RoundTripTests
{
    private protected override RootFolder Open(string path) => LinuxFolder.Open(path);

    [Fact]
    public async Task What_only_Linux_has_arrives_too()
    {
        using var from = new Tree().Pipe("pipe").File("exact", "time");
        using var to = new Tree();
        await CopyAsync(from, to);
        Assert.Equal(await from.DescribeAsync(), await to.DescribeAsync());
    }

    [Fact]
    public async Task Attributes_arrive_too()
    {
        using var from = new Tree().File("x", "f").Folder("d").Xattr("x", "user.one", "1").Xattr("x", "user.two", new string('2', 2000)).Xattr("d", "user.dir", "d");
        using var to = new Tree();
        await CopyAsync(from, to);
        Assert.Equal(await from.DescribeAsync(), await to.DescribeAsync());
    }

    [Fact]
    public async Task Hard_links_stay_one_file_and_begin_at_the_first_name_that_is_sent()
    {
        using var from = new Tree().File("a", "one").File("other", "two");
        Directory.CreateDirectory(from.At("d"));
        from.HardLink("d/b", "a").HardLink("z", "a");
        using var to = new Tree();
        await CopyAsync(from, to, ContextWalkTests.Filter([], ["a"]));
        var lines = await to.DescribeAsync();
        Assert.Equal(await from.DescribeAsync(ContextWalkTests.Filter([], ["a"])), lines);
        Assert.Contains(lines, line => line.StartsWith("z ", StringComparison.Ordinal) && line.Contains("same=d/b ", StringComparison.Ordinal));
        Assert.Equal("one", File.ReadAllText(to.At("z")));
    }
}

/// <summary>The same by .NET alone, as on macOS and Windows.</summary>
public sealed class PortableRoundTripTests : RoundTripTests
{
    private protected override RootFolder Open(string path) => PortableFolder.Open(path);

    [Fact]
    public async Task Other_names_of_a_file_arrive_as_files()
    {
        using var from = new Tree().File("a", "one");
        from.HardLink("z", "a");
        using var to = new Tree().File("z", "old");
        await CopyAsync(from, to);
        Assert.Equal("one", File.ReadAllText(to.At("z")));

        // An engine that sends them as such gets a copy.
        using var again = new Tree();
        var pair = new MemoryStreamPair();
        using var linux = LinuxFolder.Open(from.Path);
        await ReceiveAsync(Open, pair, again, pair.RunClientAsync(client => new FileSender(client, linux, WalkFilter.Everything).RunAsync(CancellationToken.None)));
        Assert.Equal("one", File.ReadAllText(again.At("z")));
    }

    [Fact]
    public async Task A_pipe_travels_as_an_empty_file_and_is_never_opened()
    {
        using var from = new Tree().Pipe("pipe").File("x", "x");
        using var to = new Tree();
        await CopyAsync(from, to);
        Assert.Equal(0, new FileInfo(to.At("pipe")).Length);
    }
}
