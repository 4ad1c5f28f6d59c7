using System.Formats.Tar;
using System.IO.Pipelines;
using Depot.Cli.Docker;
using Xunit;

namespace Slipway.Tests.Cli;

/// <summary>The archive that carries an image into Docker.</summary>
public sealed class ImageArchiveTests
{
    [Fact]
    public async Task Files_that_arrive_at_the_same_time_stand_one_after_the_other()
    {
        var archive = new ImageArchive();
        using var destination = new MemoryStream();
        var writing = archive.WriteToAsync(destination, CancellationToken.None);
        var files = Enumerable.Range(0, 4).Select(i => Enumerable.Repeat((byte)i, 100_000 + i).ToArray()).ToList();
        await Task.WhenAll(files.Select(async (contents, i) =>
        {
            await using var file = archive.Add($"file-{i}", contents.Length, _ => { });
            foreach (var piece in contents.Chunk(7_000))
            {
                await file.WriteAsync(piece);
                await Task.Yield();
            }
        }));
        archive.Complete();
        await writing;
        destination.Position = 0;
        await using var reader = new TarReader(destination);
        var read = new SortedDictionary<string, byte[]>();
        while (await reader.GetNextEntryAsync() is { } entry)
        {
            using var contents = new MemoryStream();
            await entry.DataStream!.CopyToAsync(contents);
            read[entry.Name] = contents.ToArray();
        }

        Assert.Equal(files, read.Values);
    }

    [Fact]
    public async Task A_file_that_breaks_off_ends_the_archive_and_the_other_writers()
    {
        var archive = new ImageArchive();
        var writing = archive.WriteToAsync(Stream.Null, CancellationToken.None);
        await using (var broken = archive.Add("broken", 10, _ => { }))
        {
            await broken.WriteAsync(new byte[3]);
        }

        var problem = await Assert.ThrowsAsync<IOException>(() => writing);
        Assert.Contains("broken broke off after 3 of 10 bytes", problem.Message);
        await Assert.ThrowsAsync<IOException>(async () => await archive.Add("late", 1, _ => { }).WriteAsync(new byte[1]));
    }

    [Fact]
    public async Task A_file_that_was_only_announced_holds_up_nobody()
    {
        var archive = new ImageArchive();
        using var destination = new MemoryStream();
        var writing = archive.WriteToAsync(destination, CancellationToken.None);
        var announced = archive.Add("announced", 1, _ => { });

        // More than may wait for its turn.
        var contents = new byte[20 * 1024 * 1024];
        await using (var large = archive.Add("large", contents.Length, _ => { }))
        {
            await large.WriteAsync(contents, TestContext.Current.CancellationToken).AsTask().WaitAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken);
        }

        await using (announced)
        {
            await announced.WriteAsync(new byte[1], TestContext.Current.CancellationToken);
        }

        await using (archive.Add("empty", 0, _ => { }))
        {
            // Its place is there all the same.
        }

        archive.Complete();
        await writing;
        destination.Position = 0;
        await using var reader = new TarReader(destination);
        List<string> names = [];
        while (await reader.GetNextEntryAsync(cancellationToken: TestContext.Current.CancellationToken) is { } entry)
        {
            names.Add(entry.Name);
        }

        Assert.Equal(["large", "announced", "empty"], names);
    }

    [Theory]
    [InlineData(0L)]
    [InlineData(8589934591L)]
    [InlineData(8589934592L)]
    [InlineData(5_000_000_000_000L)]
    public void A_size_is_read_as_it_was_written(long size)
    {
        // A stream that cannot be sought: the contents are not there.
        using var archive = PipeReader.Create(new MemoryStream(TarHeader.OfFile("name", size))).AsStream();
        using var reader = new TarReader(archive);
        var entry = reader.GetNextEntry()!;
        Assert.Equal(("name", size), (entry.Name, entry.Length));
    }
}
