using Slipway.BuildKit.Wire.Control;

namespace Depot.Cli.Rendering;

/// <summary>Shows a build's progress on stderr.</summary>
internal interface IProgressRenderer : IAsyncDisposable
{
    /// <summary>Takes one status message, BuildKit's or one of the client's own. Any thread may call it.</summary>
    void Write(StatusResponse status);

    /// <summary>Shows what is left, the output of failed steps and the warnings. Later messages are dropped.</summary>
    ValueTask CompleteAsync();
}
