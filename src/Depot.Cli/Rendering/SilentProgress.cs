using Slipway.BuildKit.Wire.Control;

namespace Depot.Cli.Rendering;

/// <summary>Shows nothing: <c>quiet</c>, whose caller prints the image id at the end, and <c>none</c>.</summary>
internal sealed class SilentProgress : IProgressRenderer
{
    public void Write(StatusResponse status)
    {
    }

    public ValueTask CompleteAsync() => ValueTask.CompletedTask;

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
