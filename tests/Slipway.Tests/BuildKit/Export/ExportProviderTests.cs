using Slipway.BuildKit.Export;
using Slipway.BuildKit.FileSync;
using Slipway.BuildKit.FileSync.Linux;
using Slipway.BuildKit.Grpc;
using Slipway.Tests.BuildKit.FileSync;
using Xunit;

namespace Slipway.Tests.BuildKit.Export;

public sealed class ExportProviderTests
{
    [Fact]
    public async Task Each_exporter_has_its_own_target()
    {
        using var to = new Tree();
        var targets = new Dictionary<int, ExportTarget>
        {
            [0] = new ExportTarget.IntoFile(to.At("zero.tar")),
            [1] = new ExportTarget.IntoFile(to.At("sub/one.tar")),
        };
        await ExportAsync(targets, null, "first ", "half");
        await ExportAsync(targets, "1", "second");
        Assert.Equal("first half", await File.ReadAllTextAsync(to.At("zero.tar")));
        Assert.Equal("second", await File.ReadAllTextAsync(to.At("sub/one.tar")));
        Assert.Equal(["sub", "sub/one.tar", "zero.tar"], await to.PathsAsync());
        var failure = await Assert.ThrowsAsync<GrpcStatusException>(() => ExportAsync(targets, "7"));
        Assert.Equal("exporter 7 not found", failure.Message);
    }

    [Fact]
    public async Task A_file_keeps_its_old_content_until_the_new_is_complete()
    {
        using var to = new Tree().File("out.tar", "old");
        var pair = new MemoryStreamPair();
        using var stop = new CancellationTokenSource();
        var provider = new ExportProvider(new Dictionary<int, ExportTarget> { [0] = new ExportTarget.IntoFile(to.At("out.tar")) });
        var receiving = provider.ReceiveAsync(pair.Client, stop.Token);
        await pair.Engine.WriteAsync(Message("half"), default, CancellationToken.None);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => receiving);
        Assert.Equal("old", await File.ReadAllTextAsync(to.At("out.tar")));
        Assert.Equal(["out.tar"], await to.PathsAsync());
    }

    [Fact]
    public async Task A_link_to_a_file_stays_a_link()
    {
        using var to = new Tree().File("real", "old").Link("out", "real");
        await ExportAsync(new Dictionary<int, ExportTarget> { [0] = new ExportTarget.IntoFile(to.At("out")) }, null, "new");
        Assert.Equal("real", new FileInfo(to.At("out")).LinkTarget);
        Assert.Equal("new", await File.ReadAllTextAsync(to.At("real")));
    }

    [Fact]
    public async Task A_device_is_written_as_it_is()
    {
        await ExportAsync(new Dictionary<int, ExportTarget> { [0] = new ExportTarget.IntoFile("/dev/null") }, null, "gone");
        Assert.False(File.Exists("/dev/null.partial"));
        Assert.Equal(0, Libc.StatAt(Libc.AT_FDCWD, Tree.C("/dev/null"), 0, Libc.StatxBasic, out var stat));
        Assert.Equal(Libc.S_IFCHR, stat.Mode & Libc.S_IFMT);
    }

    [Fact]
    public async Task A_folder_that_cannot_be_written_is_named()
    {
        using var to = new Tree().File("file");
        var failure = await Assert.ThrowsAsync<GrpcStatusException>(
            () => ExportAsync(new Dictionary<int, ExportTarget> { [0] = new ExportTarget.IntoFile(to.At("file/out.tar")) }, null, "x"));
        Assert.Contains(to.At("file"), failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Large_and_small_messages_arrive_in_order()
    {
        using var sink = new Keeper();
        var random = new Random(1);
        var parts = Enumerable.Range(0, 200).Select(i => new string((char)('a' + (i % 26)), i % 50 == 0 ? 300_000 : random.Next(0, 9000))).ToArray();
        long received = 0;
        var targets = new Dictionary<int, ExportTarget> { [0] = new ExportTarget.Bytes(_ => Task.FromResult<Stream?>(sink)) };
        await ExportAsync(targets, null, bytes => received = bytes, parts);
        Assert.Equal(string.Concat(parts), System.Text.Encoding.UTF8.GetString(sink.ToArray()));
        Assert.Equal(sink.ToArray().Length, received);
        Assert.True(sink.IsDisposed);
    }

    [Fact]
    public async Task A_declined_export_exists_already()
    {
        var targets = new Dictionary<int, ExportTarget> { [0] = new ExportTarget.Bytes(_ => Task.FromResult<Stream?>(null)) };
        var failure = await Assert.ThrowsAsync<GrpcStatusException>(() => ExportAsync(targets, null));
        Assert.Equal(GrpcStatusCode.AlreadyExists, failure.Code);
    }

    [Fact]
    public async Task A_folder_receives_files()
    {
        using var from = new Tree().File("bin/app", "elf", 755).Link("latest", "bin/app");
        using var to = new Tree();
        var pair = new MemoryStreamPair();
        var provider = new ExportProvider(new Dictionary<int, ExportTarget> { [0] = new ExportTarget.Folder(to.At("new/out")) });
        using var root = RootFolder.Open(from.Path);
        var receiving = provider.ReceiveAsync(pair.Engine, CancellationToken.None);
        await pair.RunClientAsync(client => new FileSender(client, root, WalkFilter.Everything).RunAsync(CancellationToken.None));
        await receiving;
        Assert.Equal(await from.DescribeAsync(), await Tree.DescribeAsync(to.At("new/out")));
    }

    private static Task ExportAsync(Dictionary<int, ExportTarget> targets, string? id, params string[] parts) => ExportAsync(targets, id, null, parts);

    private static async Task ExportAsync(Dictionary<int, ExportTarget> targets, string? id, Action<long>? received, params string[] parts)
    {
        var headers = new Metadata();
        if (id is not null)
        {
            headers.Add("buildkit-attachable-exporter-id", id);
        }

        var pair = new MemoryStreamPair(headers);
        var receiving = new ExportProvider(targets, (_, bytes) => received?.Invoke(bytes)).ReceiveAsync(pair.Client, CancellationToken.None);
        foreach (var part in parts)
        {
            if (receiving.IsCompleted)
            {
                break;
            }

            await pair.Engine.WriteAsync(Message(part), default, CancellationToken.None);
        }

        pair.Engine.HalfClose();
        await receiving;
    }

    private static byte[] Message(string data)
    {
        var bytes = System.Text.Encoding.UTF8.GetBytes(data);
        return
        [
            0x0A, (byte)(bytes.Length | 0x80), (byte)((bytes.Length >> 7) | 0x80), (byte)((bytes.Length >> 14) | 0x80), (byte)(bytes.Length >> 21), .. bytes,
        ];
    }

    private sealed class Keeper : MemoryStream
    {
        public bool IsDisposed { get; private set; }

        protected override void Dispose(bool disposing)
        {
            IsDisposed = true;
            base.Dispose(disposing);
        }
    }
}
