using Slipway.Builder.Proxying;
using Xunit;

namespace Slipway.Tests.Builder.Proxying;

public sealed class FrameSinkTests
{
    [Fact]
    public async Task Nobody_waits_for_a_peer_that_cannot_be_written_to()
    {
        var gate = new Lock();
        var closed = new MemoryStream();
        await closed.DisposeAsync();
        Exception? failure = null;
        using var sink = new FrameSink(closed, gate) { IsOpen = true, Failed = e => failure = e };
        lock (gate)
        {
            FrameWriter.WindowUpdate(sink.Own(), streamId: 0, increment: 1);
        }

        sink.Kick();
        var waiting = sink.DrainedAsync(0, TestContext.Current.CancellationToken);

        Assert.IsType<ObjectDisposedException>(failure);
        Assert.True(waiting.IsFaulted);
        await Assert.ThrowsAsync<IOException>(() => waiting);
    }
}
