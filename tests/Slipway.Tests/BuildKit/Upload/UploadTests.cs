using System.Formats.Tar;
using System.IO.Compression;
using System.Text;
using Slipway.BuildKit.FileSync;
using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Upload;
using Slipway.Tests.BuildKit.FileSync;
using Xunit;

namespace Slipway.Tests.BuildKit.Upload;

public sealed class UploadTests
{
    [Fact]
    public async Task A_stream_can_be_pulled_once()
    {
        var provider = new UploadProvider();
        var content = new byte[5_000_000];
        new Random(1).NextBytes(content);
        var url = provider.Add(new MemoryStream(content));
        Assert.StartsWith("http://buildkit-session/", url, StringComparison.Ordinal);
        Assert.Equal(content, await PullAsync(provider, new Uri(url).AbsolutePath));
        var failure = await Assert.ThrowsAsync<GrpcStatusException>(() => PullAsync(provider, new Uri(url).AbsolutePath));
        Assert.Equal(GrpcStatusCode.NotFound, failure.Code);
        await Assert.ThrowsAsync<GrpcStatusException>(() => PullAsync(provider, "/unknown"));
    }

    [Fact]
    public async Task Archives_are_told_from_Dockerfiles()
    {
        Assert.True(await IsArchiveAsync(Tar(TarEntryFormat.Ustar)));
        Assert.True(await IsArchiveAsync(Tar(TarEntryFormat.Pax)));
        Assert.True(await IsArchiveAsync(Tar(TarEntryFormat.V7)));
        Assert.True(await IsArchiveAsync(Tar(TarEntryFormat.Gnu)));
        Assert.True(await IsArchiveAsync(new byte[1024]));
        Assert.True(await IsArchiveAsync(Compress(Tar(TarEntryFormat.Ustar))));
        Assert.True(await IsArchiveAsync("BZh91AY"u8.ToArray()));
        Assert.True(await IsArchiveAsync([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0, 1]));
        Assert.False(await IsArchiveAsync("FROM scratch\n"u8.ToArray()));
        Assert.False(await IsArchiveAsync(Encoding.UTF8.GetBytes("FROM scratch\n" + new string('#', 3000))));
        Assert.False(await IsArchiveAsync([]));
        var damaged = Tar(TarEntryFormat.Ustar);
        damaged[0] ^= 1;
        Assert.False(await IsArchiveAsync(damaged));
    }

    [Fact]
    public async Task Looking_at_the_head_loses_nothing()
    {
        foreach (var length in new[] { 0, 1, 1023, 1024, 1025, 100_000 })
        {
            var content = new byte[length];
            new Random(length).NextBytes(content);
            var context = await StdinContext.ReadAsync(new Dribble(content), CancellationToken.None);
            Assert.Equal(length == 0, context.IsEmpty);
            using var copy = new MemoryStream();
            await using var stream = context.Open();
            await stream.CopyToAsync(copy);
            Assert.Equal(content, copy.ToArray());
        }
    }

    private static async Task<bool> IsArchiveAsync(byte[] content) => (await StdinContext.ReadAsync(new MemoryStream(content), CancellationToken.None)).IsArchive;

    private static byte[] Tar(TarEntryFormat format)
    {
        using var archive = new MemoryStream();
        using (var writer = new TarWriter(archive, format))
        {
            writer.WriteEntry(format switch
            {
                TarEntryFormat.V7 => new V7TarEntry(TarEntryType.V7RegularFile, "Dockerfile"),
                TarEntryFormat.Pax => new PaxTarEntry(TarEntryType.RegularFile, "Dockerfile"),
                TarEntryFormat.Gnu => new GnuTarEntry(TarEntryType.RegularFile, "Dockerfile"),
                _ => new UstarTarEntry(TarEntryType.RegularFile, "Dockerfile"),
            });
        }

        return archive.ToArray();
    }

    private static byte[] Compress(byte[] content)
    {
        using var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.Fastest))
        {
            gzip.Write(content);
        }

        return compressed.ToArray();
    }

    private static async Task<byte[]> PullAsync(UploadProvider provider, string path)
    {
        var headers = new Metadata();
        headers.Add("urlpath", path);
        var pair = new MemoryStreamPair(headers);
        var sending = pair.RunClientAsync(client => provider.SendAsync(client, CancellationToken.None));
        var content = new List<byte>();
        while (await pair.Engine.ReadAsync(CancellationToken.None) is { } message)
        {
            Assert.InRange(message.Payload.Length, 1, 3 * 1024 * 1024);
            content.AddRange(DataOf(message));
        }

        await sending;
        return [.. content];
    }

    private static byte[] DataOf(GrpcMessage message)
    {
        var reader = new WireReader(message.Payload);
        Assert.True(reader.TryReadTag(out var tag));
        Assert.Equal(0x0Au, tag);
        return System.Buffers.BuffersExtensions.ToArray(reader.ReadBytes());
    }

    /// <summary>Gives a few bytes at a time, as a pipe does.</summary>
    private sealed class Dribble(byte[] content) : MemoryStream(content)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer[..Math.Min(buffer.Length, 700)], cancellationToken);
    }
}
