using System.Text;
using CsCheck;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Slipway.Builder.Records;
using Slipway.BuildKit.Wire.Control;
using Slipway.Contract.Fleet.V1;
using Xunit;
using Record = Slipway.Contract.Fleet.V1.Record;

namespace Slipway.Tests.Builder;

public sealed class StatusFoldTests
{
    private readonly List<Record> _records = [];
    private readonly StatusFold _fold;

    public StatusFoldTests() => _fold = new StatusFold(_records.Add);

    [Fact]
    public void Any_chunking_of_a_log_gives_the_same_lines()
    {
        var logGen = Gen.OneOf(Gen.Byte, Gen.Const((byte)'\n'), Gen.Const((byte)'\r'), Gen.Const((byte)0xC3)).Array[0, 300];
        Gen.Select(logGen, Gen.Int[0, 300].Array[0, 20]).Sample((log, cuts) =>
            LinesOf([log]).Select(Convert.ToHexString).SequenceEqual(LinesOf(Cut(log, cuts)).Select(Convert.ToHexString)), iter: 2000);
    }

    [Fact]
    public void A_carriage_return_before_the_line_end_goes_and_bytes_stay_bytes()
    {
        var lines = LinesOf(["a\r\n"u8.ToArray(), [0xff, 0xfe, (byte)'\n'], "\n"u8.ToArray(), "no end"u8.ToArray()]);
        Assert.Equal(["a"u8.ToArray(), [0xff, 0xfe], [], "no end"u8.ToArray()], lines);
    }

    [Fact]
    public void A_line_without_end_is_cut_at_64_KiB_and_says_so()
    {
        var log = new byte[200 * 1024];
        Array.Fill(log, (byte)'x');
        var lines = LinesOf([log[..70_000], log[70_000..], "\nnext\n"u8.ToArray()]);
        Assert.Equal(2, lines.Count);
        Assert.StartsWith(new string('x', 64 * 1024) + " [", Encoding.ASCII.GetString(lines[0]), StringComparison.Ordinal);
        Assert.Equal("next"u8.ToArray(), lines[1]);
    }

    [Fact]
    public void A_line_of_exactly_64_KiB_is_whole()
    {
        var log = new byte[(64 * 1024) + 1];
        Array.Fill(log, (byte)'x');
        log[^1] = (byte)'\n';
        Assert.Equal(64 * 1024, Assert.Single(LinesOf([log])).Length);
    }

    [Fact]
    public void Steps_and_streams_do_not_mix_their_partial_lines()
    {
        _fold.Add(Logs(("s1", 1, "one "), ("s1", 2, "err "), ("s2", 1, "two ")));
        _fold.Add(Logs(("s1", 1, "1\n"), ("s1", 2, "2\n"), ("s2", 1, "3\n")));
        Assert.Equal([("s1", 1, "one 1"), ("s1", 2, "err 2"), ("s2", 1, "two 3")],
            _records.Select(record => (record.Log.StepDigest, record.Log.Stream, record.Log.Line.ToStringUtf8())));
    }

    [Fact]
    public void The_last_partial_line_comes_before_the_step_is_completed()
    {
        _fold.Add(Logs(("s1", 1, "tail")));
        var end = Logs(("s1", 1, " end"));
        end.Vertexes.Add(new Vertex { Digest = "s1", Name = "RUN x", Started = At(1), Completed = At(2) });
        _fold.Add(end);
        Assert.Equal("tail end", _records[0].Log.Line.ToStringUtf8());
        Assert.NotNull(_records[1].Step.CompletedAt);
    }

    [Fact]
    public void A_repeated_step_is_recorded_only_when_it_changed()
    {
        var step = new Vertex { Digest = "s1", Name = "RUN x", Inputs = { "s0" } };
        _fold.Add(new StatusResponse { Vertexes = { step } });
        _fold.Add(new StatusResponse { Vertexes = { step } });
        _fold.Add(new StatusResponse { Vertexes = { new Vertex(step) { Started = At(1) } } });
        _fold.Add(new StatusResponse { Vertexes = { new Vertex(step) { Started = At(1), Completed = At(2), Error = "exit code: 1" } } });
        Assert.Equal(3, _records.Count);
        Assert.Equal("exit code: 1", _records[^1].Step.Error);
        Assert.Equal(["s0"], _records[0].Step.Inputs);
    }

    [Fact]
    public void A_warning_keeps_its_text_and_detail()
    {
        _fold.Add(new StatusResponse
        {
            Warnings =
            {
                new VertexWarning
                {
                    Vertex = "s1", Level = 1, Short = ByteString.CopyFromUtf8("JSONArgsRecommended"),
                    Detail = { ByteString.CopyFromUtf8("use JSON") }, Url = "https://docs.example/json",
                },
            },
        });
        var warning = Assert.Single(_records).Warning;
        Assert.Equal(("s1", 1, "JSONArgsRecommended", "https://docs.example/json"), (warning.StepDigest, warning.Level, warning.Text, warning.Url));
        Assert.Equal(["use JSON"], warning.Detail);
    }

    private static List<byte[]> LinesOf(IEnumerable<byte[]> chunks)
    {
        var lines = new List<byte[]>();
        var fold = new StatusFold(record => lines.Add(record.Log.Line.ToByteArray()));
        foreach (var chunk in chunks)
        {
            fold.Add(new StatusResponse { Logs = { new VertexLog { Vertex = "s", Stream = 1, Msg = ByteString.CopyFrom(chunk) } } });
        }

        fold.Complete();
        return lines;
    }

    private static IEnumerable<byte[]> Cut(byte[] log, int[] cuts)
    {
        var at = 0;
        foreach (var cut in cuts.Select(cut => Math.Min(cut, log.Length)).Order().Append(log.Length))
        {
            yield return log[at..cut];
            at = cut;
        }
    }

    private static StatusResponse Logs(params (string Step, int Stream, string Text)[] chunks) => new()
    {
        Logs = { chunks.Select(chunk => new VertexLog { Vertex = chunk.Step, Stream = chunk.Stream, Msg = ByteString.CopyFromUtf8(chunk.Text) }) },
    };

    private static Timestamp At(int second) => new() { Seconds = second };
}
