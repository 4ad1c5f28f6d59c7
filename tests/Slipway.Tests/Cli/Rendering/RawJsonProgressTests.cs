using Depot.Cli.Rendering;
using Google.Protobuf;
using Slipway.BuildKit.Wire.Control;
using Xunit;

namespace Slipway.Tests.Cli.Rendering;

public sealed class RawJsonProgressTests
{
    // Recorded from docker buildx build --progress=rawjson.
    [Theory]
    [InlineData("live.rawjson")]
    [InlineData("succeeded.rawjson")]
    [InlineData("failed.rawjson")]
    public async Task Every_line_is_the_one_that_buildx_writes(string name)
    {
        var terminal = new TestTerminal();
        await using var progress = new RawJsonProgress(terminal.Terminal);
        foreach (var status in StatusStream.Read(name))
        {
            progress.Write(status);
        }

        Assert.Equal(StatusStream.Expectation(name), terminal.Err);
        Assert.Equal("", terminal.Out);
    }

    [Fact]
    public async Task Text_is_escaped_as_Go_escapes_it()
    {
        var terminal = new TestTerminal();
        await using var progress = new RawJsonProgress(terminal.Terminal);
        progress.Write(new StatusResponse { Vertexes = { new Vertex { Name = "<&> \"\\/ \b\f\n\r\t\u0001\u007f é🚢\u2028" } } });

        Assert.Equal("{\"vertexes\":[{\"name\":\"\\u003c\\u0026\\u003e \\\"\\\\/ \\b\\f\\n\\r\\t\\u0001\u007f é🚢\\u2028\"}]}\n", terminal.Err);
    }

    [Fact]
    public async Task What_docker_always_writes_is_written_when_it_is_empty()
    {
        var terminal = new TestTerminal();
        await using var progress = new RawJsonProgress(terminal.Terminal);
        progress.Write(new StatusResponse { Statuses = { new VertexStatus() }, Logs = { new VertexLog { Msg = ByteString.Empty } } });

        Assert.Equal(
            "{\"statuses\":[{\"id\":\"\",\"current\":0,\"timestamp\":\"1970-01-01T00:00:00Z\"}],\"logs\":[{\"data\":null,\"timestamp\":\"1970-01-01T00:00:00Z\"}]}\n",
            terminal.Err);
    }

    [Theory]
    [InlineData(0, "1970-01-01T00:00:00Z")]
    [InlineData(1, "1970-01-01T00:00:00.000000001Z")]
    [InlineData(1767323045120000000, "2026-01-02T03:04:05.12Z")]
    [InlineData(-1, "1969-12-31T23:59:59.999999999Z")]
    public void A_time_has_as_many_decimals_as_it_needs(long nanoseconds, string text) => Assert.Equal(text, GoJsonWriter.TimeText(nanoseconds));
}
