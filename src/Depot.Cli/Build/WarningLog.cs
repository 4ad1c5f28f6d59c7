using Slipway.BuildKit.Wire.Control;

namespace Depot.Cli.Build;

/// <summary>Keeps the warnings of a build for its metadata file, each once, as buildx does where <c>BUILDX_METADATA_WARNINGS</c> asks for it.</summary>
internal sealed class WarningLog(bool isWanted)
{
    private readonly Lock _gate = new();
    private readonly List<VertexWarning> _warnings = [];

    /// <summary>Those that came so far.</summary>
    public IReadOnlyList<VertexWarning> All
    {
        get
        {
            lock (_gate)
            {
                return [.. _warnings];
            }
        }
    }

    /// <summary>Passes progress on and listens.</summary>
    public Action<StatusResponse> Before(Action<StatusResponse> show) => !isWanted ? show : status =>
    {
        lock (_gate)
        {
            _warnings.AddRange(status.Warnings.Where(warning => !_warnings.Contains(warning)));
        }

        show(status);
    };
}
