using System.Text;
using CsCheck;
using Slipway.BuildKit.FileSync;
using Slipway.BuildKit.FileSync.Linux;
using Slipway.BuildKit.FileSync.Portable;
using Slipway.BuildKit.Grpc;
using Xunit;

namespace Slipway.Tests.BuildKit.FileSync;

/// <summary>What an engine may not do to the machine that asked it for files.</summary>
public abstract class FileReceiverTests
{
    private protected abstract RootFolder Open(string path);

    private const uint File = 0x1A4;
    private const uint Folder = GoFileMode.Folder | 0x1ED;
    private const uint Symlink = GoFileMode.Symlink | 0x1FF;

    [Theory]
    [InlineData("../x")]
    [InlineData("..")]
    [InlineData(".")]
    [InlineData("")]
    [InlineData("/etc/x")]
    [InlineData("a/../../x")]
    [InlineData("a/./b")]
    [InlineData("a//b")]
    [InlineData("a/")]
    [InlineData("a\0b")]
    public async Task A_path_that_could_lead_out_is_refused(string path)
    {
        using var to = new Tree().Folder("inside");
        var failure = await ReceiveAsync(to.At("inside"), Stat(path, File));
        Assert.Contains("not a clean path inside", failure.Message, StringComparison.Ordinal);
        Assert.Equal(["inside"], await to.PathsAsync());
    }

    [Fact]
    public async Task Nothing_is_written_through_a_link_that_was_sent()
    {
        using var outside = new Tree();
        using var to = new Tree();
        await ReceiveAsync(to.Path, Stat("a", Symlink, outside.Path), Stat("a/x", File));
        await ReceiveAsync(to.Path, Stat("b", Symlink, outside.Path), Stat("b", Folder), Stat("b/x", File));
        Assert.Empty(Directory.GetFileSystemEntries(outside.Path));
    }

    [Fact]
    public async Task Nothing_is_written_through_a_link_that_was_there()
    {
        using var outside = new Tree().File("victim", "v");
        using var to = new Tree().Link("d", outside.Path).Link("f", outside.At("victim"));
        await ReceiveAsync(to.Path, Stat("d", Folder), Stat("d/victim", Symlink, "x"), Stat("f", Symlink, "y"), []);
        Assert.Equal("v", System.IO.File.ReadAllText(outside.At("victim")));
        Assert.Null(new FileInfo(to.At("d")).LinkTarget);
        Assert.Equal("y", new FileInfo(to.At("f")).LinkTarget);
    }

    [Fact]
    public async Task A_folder_that_becomes_a_link_while_files_arrive_is_not_followed()
    {
        using var outside = new Tree();
        using var to = new Tree();
        var pair = new MemoryStreamPair();
        using var root = Open(to.Path);
        using var receiver = new FileReceiver(pair.Client, root);
        var receiving = receiver.RunAsync(CancellationToken.None);
        await SendAsync(pair.Engine, Stat("d", Folder), Stat("d/x", File), Stat("e", Folder), Stat("e/y", File));
        await AwaitRequestAsync(pair.Engine);
        await AwaitRequestAsync(pair.Engine);
        Directory.Delete(to.At("d"));
        to.Link("d", outside.Path);
        await SendAsync(pair.Engine, Data(1, "content"));
        var failure = await Assert.ThrowsAsync<GrpcStatusException>(() => receiving);
        Assert.Contains(to.At("d"), failure.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(outside.Path));
    }

    [Theory]
    [InlineData("../victim")]
    [InlineData("/etc/passwd")]
    [InlineData("a/../../victim")]
    public async Task A_hard_link_cannot_name_what_is_outside(string target)
    {
        using var to = new Tree().File("victim", "v").Folder("inside/a");
        var failure = await ReceiveAsync(to.At("inside"), Stat("link", File, target));
        Assert.Contains("not a clean path inside", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_hard_link_does_not_go_through_a_link()
    {
        using var outside = new Tree().File("victim", "v");
        using var to = new Tree();
        await ReceiveAsync(to.Path, Stat("d", Symlink, outside.Path), Stat("l", File, "d/victim"), []);
        Assert.False(System.IO.File.Exists(to.At("l")));
    }

    [Fact]
    public async Task Paths_out_of_order_are_refused()
    {
        using var to = new Tree();
        foreach (var stats in new byte[][][]
        {
            [Stat("b", File), Stat("a", File)],
            [Stat("a", File), Stat("a", File)],
            [Stat("a/b", File)],
            [Stat("a", File), Stat("a/b", File)],
            [Stat("a", Folder), Stat("b", Folder), Stat("a/c", File)],
            [Stat("a", Folder), Stat("a-b", File), Stat("a/c", File)],
            [Stat("a", Folder), Stat("a/b", Folder), Stat("a/b/c", File), Stat("a/a", File)],
        })
        {
            var failure = await ReceiveAsync(to.Path, stats);
            Assert.Contains("out of order", failure.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Any_walk_in_wire_order_is_accepted() =>
        Gen.Char['a', 'c'].Array[1, 3].Select(letters => string.Join('/', letters)).Array[1, 10].Sample(paths =>
        {
            var sorted = paths.SelectMany(Prefixes).Distinct().OrderBy(path => path.Replace('/', '\u0001'), StringComparer.Ordinal);
            var order = new ReceiveOrder();
            foreach (var path in sorted)
            {
                order.Accept(Encoding.UTF8.GetBytes(path), isFolder: true);
            }
        });

    [Theory]
    [InlineData(0u)]
    [InlineData(9u)]
    public async Task Content_that_was_not_asked_for_is_refused(uint id)
    {
        using var to = new Tree();
        var failure = await ReceiveAsync(to.Path, Stat("a", Folder), Data(id, "x"));
        Assert.Contains("not asked for", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Content_behind_the_end_of_a_file_is_refused()
    {
        using var to = new Tree();
        var failure = await ReceiveAsync(to.Path, Stat("a", File), Stat("b", File), Data(0, "x"), Data(0, ""), Data(0, "y"));
        Assert.Contains("not asked for", failure.Message, StringComparison.Ordinal);
        Assert.Equal("x", System.IO.File.ReadAllText(to.At("a")));
    }

    [Fact]
    public async Task An_export_that_breaks_off_leaves_no_half_file()
    {
        using var to = new Tree().File("b", "old");
        await ReceiveAsync(to.Path, Stat("a", File), Stat("b", File), Data(0, "half"), Data(1, "half"));
        Assert.Equal(["b"], await to.PathsAsync());
        Assert.Equal("old", System.IO.File.ReadAllText(to.At("b")));
    }

    [Fact]
    public async Task Too_many_open_files_are_refused()
    {
        using var to = new Tree();
        var stats = Enumerable.Range(0, 200).Select(i => Stat($"f{i:000}", File));
        var failure = await ReceiveAsync(to.Path, [.. stats, .. Enumerable.Range(0, 200).Select(i => Data((uint)i, "x"))]);
        Assert.Contains("at the same time", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_senders_error_is_the_exports_error()
    {
        using var to = new Tree();
        var failure = await ReceiveAsync(to.Path, [0x08, 4, 0x22, 3, (byte)'b', (byte)'a', (byte)'d']);
        Assert.Equal("error from sender: bad", failure.Message);
    }

    [Fact]
    public void Noise_never_crashes_the_receiver() =>
        Gen.Byte.Array[0, 30].Array[1, 6].Sample(
            messages =>
            {
                using var to = new Tree().Folder("inside");
                var failure = ReceiveAsync(to.At("inside"), messages).GetAwaiter().GetResult();
                Assert.IsType<GrpcStatusException>(failure);
                Assert.Equal(["inside"], Directory.GetFileSystemEntries(to.Path).Select(path => Path.GetFileName(path)));
            },
            iter: 200);

    /// <summary>Sends messages as an engine would and then leaves. An empty one ends the walk.</summary>
    private async Task<Exception> ReceiveAsync(string destination, params byte[][] messages)
    {
        var pair = new MemoryStreamPair();
        using var root = Open(destination);
        using var receiver = new FileReceiver(pair.Client, root);
        var receiving = pair.RunClientAsync(_ => receiver.RunAsync(CancellationToken.None));
        var draining = DrainAsync(pair.Engine);
        using var gone = new CancellationTokenSource();
        var sending = SendUntilAsync(pair.Engine, messages, gone.Token);
        var failure = await Record.ExceptionAsync(() => receiving);
        await gone.CancelAsync();
        await sending;
        await draining;
        return failure ?? new GrpcStatusException(GrpcStatusCode.Ok, "");
    }

    /// <summary>A receiver that has given up takes nothing more.</summary>
    private static async Task SendUntilAsync(MemoryStreamPair.End stream, byte[][] messages, CancellationToken gone)
    {
        try
        {
            foreach (var message in messages)
            {
                await stream.WriteAsync(message, default, gone);
            }

            stream.HalfClose();
        }
        catch (OperationCanceledException)
        {
            stream.HalfClose();
        }
    }

    private static async Task SendAsync(IGrpcStream stream, params byte[][] messages)
    {
        foreach (var message in messages)
        {
            await stream.WriteAsync(message, default, CancellationToken.None);
        }
    }

    private static async Task AwaitRequestAsync(IGrpcStream stream)
    {
        using var message = await stream.ReadAsync(CancellationToken.None);
        Assert.Equal(PacketType.Request, Packet.Read(message!.Payload).Type);
    }

    private static async Task DrainAsync(IGrpcStream stream)
    {
        while (await stream.ReadAsync(CancellationToken.None) is { } message)
        {
            message.Dispose();
        }
    }

    private static byte[] Stat(string path, uint mode, string link = "")
    {
        var body = new List<byte>();
        AddText(body, 0x0A, Encoding.UTF8.GetBytes(path));
        body.Add(0x10);
        AddVarint(body, mode);
        AddText(body, 0x3A, Encoding.UTF8.GetBytes(link));
        var packet = new List<byte>();
        AddText(packet, 0x12, [.. body]);
        return [.. packet];
    }

    private static byte[] Data(uint id, string content)
    {
        var packet = new List<byte> { 0x08, 2, 0x18 };
        AddVarint(packet, id);
        AddText(packet, 0x22, Encoding.UTF8.GetBytes(content));
        return [.. packet];
    }

    private static void AddText(List<byte> to, byte tag, byte[] text)
    {
        to.Add(tag);
        AddVarint(to, (uint)text.Length);
        to.AddRange(text);
    }

    private static void AddVarint(List<byte> to, uint value)
    {
        for (; value >= 0x80; value >>= 7)
        {
            to.Add((byte)(value | 0x80));
        }

        to.Add((byte)value);
    }

    private static IEnumerable<string> Prefixes(string path) =>
        Enumerable.Range(1, path.Length).Where(end => end == path.Length || path[end] == '/').Select(end => path[..end]);
}

/// <summary>The same by Linux' own calls.</summary>
public sealed class LinuxFileReceiverTests : FileReceiverTests
{
    private protected override RootFolder Open(string path) => LinuxFolder.Open(path);
}

/// <summary>The same by .NET alone, as on macOS and Windows.</summary>
public sealed class PortableFileReceiverTests : FileReceiverTests
{
    private protected override RootFolder Open(string path) => PortableFolder.Open(path);
}
