using Slipway.Contract.Depot.Cli.V1;

namespace Slipway.Server.Builds;

/// <summary>How a build's state reads.</summary>
internal static class BuildText
{
    public static string Status(long status) => (BuildStatus)status switch
    {
        BuildStatus.Running => "running",
        BuildStatus.Finished => "finished",
        BuildStatus.Failed => "failed",
        BuildStatus.Canceled => "canceled",
        _ => "unknown",
    };
}
