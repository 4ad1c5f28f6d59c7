using Slipway.BuildKit.Wire.Control;

namespace Slipway.Builder.Proxying;

/// <summary>What builds get to see of an engine's workers.</summary>
internal static class WorkerListing
{
    /// <summary>Labels that clients decide by. Others name the host, its network and its devices.</summary>
    private static readonly string[] LabelsShown =
    [
        "org.mobyproject.buildkit.worker.executor",
        "org.mobyproject.buildkit.worker.snapshotter",
        "org.mobyproject.buildkit.worker.moby.host-gateway-ip",
    ];

    public static ListWorkersResponse ForBuilds(ListWorkersResponse real)
    {
        var shown = new ListWorkersResponse();
        foreach (var worker in real.Record)
        {
            var record = new WorkerRecord { ID = worker.ID, BuildkitVersion = worker.BuildkitVersion };
            record.Platforms.AddRange(worker.Platforms);
            // How large the cache may grow: said when it is full.
            record.GCPolicy.AddRange(worker.GCPolicy);
            foreach (var label in LabelsShown)
            {
                if (worker.Labels.TryGetValue(label, out var value))
                {
                    record.Labels.Add(label, value);
                }
            }

            shown.Record.Add(record);
        }

        return shown;
    }
}
