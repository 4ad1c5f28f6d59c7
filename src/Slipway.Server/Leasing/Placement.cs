using Slipway.Server.Builders;
using Slipway.Server.Storage;

namespace Slipway.Server.Leasing;

/// <summary>Chooses the builder: the one that runs the project's engine, else one that has its cache, else the least loaded.</summary>
internal static class Placement
{
    public static AttachedBuilder? Choose(IEnumerable<AttachedBuilder> attached, string projectId, string architecture) => attached
        .Where(builder => !builder.Draining && builder.Architectures.Contains(architecture, StringComparer.Ordinal))
        .OrderByDescending(builder => builder.Leases.Values.Any(lease => Fleet.Serves(lease, projectId, architecture)))
        .ThenByDescending(builder => builder.Caches.Contains((projectId, architecture)))
        .ThenBy(builder => builder.Leases.Count)
        .ThenBy(builder => builder.Id, StringComparer.Ordinal)
        .FirstOrDefault();

    /// <summary>The lease's id is its epoch: random, never used again; the name that clients verify is made from it.</summary>
    public static Lease NewLease(string builderId, string projectId, string architecture, TimeProvider clock)
    {
        var id = Ids.Lease();
        return new Lease
        {
            Id = id,
            ProjectId = projectId,
            Architecture = architecture,
            BuilderId = builderId,
            ServerName = $"{id}.builder.slipway",
            StartedAt = clock.Now(),
        };
    }
}
