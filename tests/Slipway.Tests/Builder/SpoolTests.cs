using CsCheck;
using Google.Protobuf;
using Microsoft.Extensions.Logging.Abstractions;
using Slipway.Builder.Records;
using Slipway.Contract.Fleet.V1;
using Xunit;
using Record = Slipway.Contract.Fleet.V1.Record;

namespace Slipway.Tests.Builder;

public sealed class SpoolTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("slipway-spool-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Records_are_read_back_in_order_with_numbers_from_one()
    {
        using var spool = Spool.Create(At("s"), "b", "amd64");
        Append(spool, 100);
        spool.Flush();
        var records = ReadAll(spool, 0, 7);
        Assert.Equal(Enumerable.Range(1, 100).Select(i => (long)i), records.Select(record => record.Sequence));
        Assert.Equal("line 42", records[41].Log.Line.ToStringUtf8());
    }

    [Fact]
    public void What_is_not_durable_yet_is_not_read()
    {
        using var spool = Spool.Create(At("s"), "b", "amd64");
        Append(spool, 3);
        Assert.Empty(spool.Read(0, 10, 1000));
        spool.Flush();
        Append(spool, 3);
        Assert.Equal(3, spool.Read(0, 10, 1000).Count);
    }

    [Fact]
    public void A_file_cut_at_any_byte_keeps_every_whole_record_before_the_cut()
    {
        using (var spool = Spool.Create(At("whole"), "b", "amd64"))
        {
            Append(spool, 12);
        }

        var file = Directory.GetFiles(At("whole")).Single();
        var bytes = File.ReadAllBytes(file);
        var ends = FrameEnds(bytes);
        for (var cut = 0; cut <= bytes.Length; cut++)
        {
            var folder = Directory.CreateDirectory(At("cut" + cut)).FullName;
            File.WriteAllBytes(Path.Combine(folder, Path.GetFileName(file)), bytes[..cut]);
            using var recovered = Spool.Recover(folder, "b", "amd64");
            var whole = ends.Count(end => end <= cut);
            Assert.Equal(whole, recovered.LastSequence);
            Assert.Equal(whole, ReadAll(recovered, 0, 5).Count);
        }
    }

    [Fact]
    public void A_flipped_bit_ends_the_spool_before_its_record()
    {
        using (var spool = Spool.Create(At("s"), "b", "amd64"))
        {
            Append(spool, 10);
        }

        var file = Directory.GetFiles(At("s")).Single();
        var bytes = File.ReadAllBytes(file);
        bytes[FrameEnds(bytes)[4] + 12] ^= 4;
        File.WriteAllBytes(file, bytes);
        using var recovered = Spool.Recover(At("s"), "b", "amd64");
        Assert.Equal(5, recovered.LastSequence);
    }

    [Fact]
    public void Acknowledged_segments_are_deleted_and_the_rest_survives_a_restart_with_its_numbers()
    {
        using (var spool = Spool.Create(At("s"), "b", "amd64"))
        {
            AppendBulk(spool, segments: 3);
            spool.Flush();
            var files = Directory.GetFiles(At("s")).Length;
            Assert.True(files >= 3);
            spool.Acknowledge(spool.LastSequence - 2);
            Assert.Single(Directory.GetFiles(At("s")));
        }

        using var recovered = Spool.Recover(At("s"), "b", "amd64");
        var records = ReadAll(recovered, recovered.AcknowledgedSequence, 500);
        Assert.Equal(recovered.LastSequence, records[^1].Sequence);
        Assert.Equal(recovered.AcknowledgedSequence + 1, records[0].Sequence);
        recovered.Acknowledge(recovered.LastSequence);
        Assert.True(recovered.IsDone);
        Assert.Empty(Directory.GetFiles(At("s")));
    }

    [Fact]
    public void Thinning_drops_lines_keeps_steps_and_leaves_no_gap_in_the_numbers()
    {
        using var spool = Spool.Create(At("s"), "b", "amd64");
        spool.Append(new Record { Step = new StepRecord { Digest = "d1", Name = "first" } });
        AppendBulk(spool, segments: 3);
        spool.Append(new Record { Step = new StepRecord { Digest = "d2", Name = "last" } });
        spool.Flush();
        var before = spool.Bytes;
        Assert.True(spool.DropOldestLines());
        Assert.True(spool.Bytes < before - (Spool.SegmentBytesMax / 2));

        var records = ReadAll(spool, 0, 333);
        Assert.Equal(Enumerable.Range(1, (int)spool.LastSequence).Select(i => (long)i), records.Select(record => record.Sequence));
        Assert.Equal("first", records[0].Step.Name);
        Assert.Equal("last", records[^1].Step.Name);
        Assert.Contains("lines were dropped", records[1].Log.Line.ToStringUtf8(), StringComparison.Ordinal);
        Assert.Equal(Record.RecordOneofCase.None, records[2].RecordCase);
        while (spool.DropOldestLines())
        {
        }

        Assert.Equal(spool.LastSequence, ReadAll(spool, 0, 1000).Count);
    }

    [Fact]
    public void A_thinned_spool_keeps_its_numbers_over_a_restart()
    {
        long last;
        using (var spool = Spool.Create(At("s"), "b", "amd64"))
        {
            AppendBulk(spool, segments: 3);
            spool.Flush();
            spool.DropOldestLines();
            spool.DropOldestLines();
            last = spool.LastSequence;
        }

        using var recovered = Spool.Recover(At("s"), "b", "amd64");
        Assert.Equal(Enumerable.Range(1, (int)last).Select(i => (long)i), ReadAll(recovered, 0, 777).Select(record => record.Sequence));
    }

    [Fact]
    public void The_shelf_thins_the_chattiest_build_when_its_budget_is_used_up()
    {
        using var shelf = new SpoolShelf(At("shelf"), TimeProvider.System, NullLogger<SpoolShelf>.Instance) { BytesMax = 12 * 1024 * 1024 };
        var (quiet, chatty) = (shelf.Open("quiet", "amd64"), shelf.Open("chatty", "amd64"));
        Append(quiet, 10);
        AppendBulk(chatty, segments: 5);
        shelf.FlushAll();
        shelf.KeepBudget();
        Assert.True(shelf.Spools.Sum(spool => spool.Bytes) <= shelf.BytesMax);
        Assert.All(ReadAll(quiet, 0, 100), record => Assert.StartsWith("line", record.Log.Line.ToStringUtf8(), StringComparison.Ordinal));
    }

    [Fact]
    public void A_build_that_comes_back_goes_on_with_its_numbers_also_after_a_restart()
    {
        using (var shelf = NewShelf())
        {
            var first = shelf.Open("b", "amd64");
            Append(first, 5);
            first.Finish();
            Append(shelf.Open("b", "amd64"), 2);
            first.Finish();
            first.Acknowledge(7);
            shelf.Settle(first);
            Assert.Empty(shelf.Spools);
        }

        using var recovered = NewShelf();
        recovered.Recover();
        Assert.Equal(7, recovered.LastSequenceOf("b", "amd64"));
        var second = recovered.Open("b", "amd64");
        Append(second, 3);
        second.Flush();
        Assert.Equal([8, 9, 10], ReadAll(second, second.AcknowledgedSequence, 2).Select(record => record.Sequence));
    }

    private SpoolShelf NewShelf() => new(At("shelf"), TimeProvider.System, NullLogger<SpoolShelf>.Instance);

    [Fact]
    public void Reading_in_any_batches_with_any_acknowledgements_gives_every_record_once()
    {
        var number = 0;
        Gen.Select(Gen.Int[1, 40].Array[1, 12], Gen.Int[1, 9], Gen.Bool.Array[20]).Sample((appends, batch, acknowledgements) =>
        {
            using var spool = Spool.Create(At("p" + Interlocked.Increment(ref number)), "b", "amd64");
            var seen = new List<long>();
            var at = 0;
            foreach (var count in appends)
            {
                Append(spool, count);
                spool.Flush();
                while (spool.Read(seen.Count, batch, int.MaxValue) is { Count: > 0 } records)
                {
                    seen.AddRange(records.Select(record => record.Sequence));
                    if (acknowledgements[at++ % acknowledgements.Length])
                    {
                        spool.Acknowledge(seen[^1]);
                    }
                }
            }

            return seen.SequenceEqual(Enumerable.Range(1, appends.Sum()).Select(i => (long)i));
        }, iter: 60, threads: 1);
    }

    private static void Append(Spool spool, int count)
    {
        for (var i = 0; i < count; i++)
        {
            spool.Append(new Record { Log = new LogRecord { StepDigest = "d", Line = ByteString.CopyFromUtf8($"line {spool.LastSequence + 1}") } });
        }
    }

    private static void AppendBulk(Spool spool, int segments)
    {
        var line = ByteString.CopyFrom(new byte[32 * 1024]);
        for (long bytes = 0; bytes < (long)segments * Spool.SegmentBytesMax; bytes += line.Length)
        {
            spool.Append(new Record { Log = new LogRecord { StepDigest = "d", Line = line } });
        }
    }

    private static List<Record> ReadAll(Spool spool, long after, int batch)
    {
        var all = new List<Record>();
        while (spool.Read(after, batch, int.MaxValue) is { Count: > 0 } records)
        {
            all.AddRange(records);
            after = records[^1].Sequence;
        }

        return all;
    }

    private static List<int> FrameEnds(byte[] bytes)
    {
        var ends = new List<int>();
        for (var at = 0; at < bytes.Length;)
        {
            at += SpoolFrame.HeadLength + BitConverter.ToInt32(bytes, at);
            ends.Add(at);
        }

        return ends;
    }

    private string At(string name) => Path.Combine(_folder, name);
}
