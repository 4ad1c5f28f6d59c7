using Slipway.Server.Builders;
using Slipway.Server.Storage;

namespace Slipway.Server.Leasing;

/// <summary>Chooses the builder: the one that runs the project's engine, else one that has its cache, else the least loaded.</summary>
internal static class Placement
{
    /// <param name="emulated">Whether a builder of another architecture will do.</param>
    public static EngineSite? Choose(IEnumerable<AttachedBuilder> attached, string projectId, string architecture, bool emulated) => attached
        .Where(builder => !builder.Draining)
        .Select(builder => (Builder: builder, Engine: builder.EngineFor(architecture, emulated)))
        .Where(site => site.Engine is not null)
        .Select(site => new EngineSite(site.Builder, site.Engine!))
        .OrderByDescending(site => site.Architecture == architecture)
        .ThenByDescending(site => site.Builder.Leases.Values.Any(lease => Fleet.Serves(lease, projectId, site.Architecture)))
        .ThenByDescending(site => site.Builder.Caches.Contains((projectId, site.Architecture)))
        .ThenBy(site => site.Builder.Leases.Count)
        .ThenBy(site => site.Builder.Id, StringComparer.Ordinal)
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
