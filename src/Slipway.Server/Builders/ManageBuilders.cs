using Slipway.Contract.Admin.V1;
using Slipway.Server.Access;
using Slipway.Server.Audit;
using Slipway.Server.Builds;
using Slipway.Server.Storage;
using Slipway.Server.Tokens;

namespace Slipway.Server.Builders;

/// <summary>What an operator does with builders.</summary>
internal sealed class ManageBuilders(BuilderStore builders, TokenStore tokens, BuildStore builds, Fleet fleet, TimeProvider clock)
{
    private static readonly long SeenLately = TimeSpan.FromSeconds(60).Milliseconds();

    public ListBuildersResponse List(Caller caller)
    {
        AccessControl.Authorize(caller, CallerAction.ManageBuilders, Resource.Instance);
        var running = builds.ListAdmissionsOfRunning().Where(admission => admission.Outcome is null).ToLookup(a => a.BuilderId);
        var response = new ListBuildersResponse();
        response.Builders.AddRange(builders.List().Select(builder => ToWire(builder, running[builder.Id].Count())));
        return response;
    }

    public async Task DrainAsync(string id, bool draining, Caller caller, CancellationToken cancellation)
    {
        Find(id, caller);
        var record = AuditEntry.By(caller, draining ? "builder.drain" : "builder.undrain", $"builder {id}", clock.Now());
        await builders.SetDrainingAsync(id, draining, record, cancellation);
        fleet.SetDraining(id, draining);
    }

    public async Task RemoveAsync(string id, Caller caller, CancellationToken cancellation)
    {
        Find(id, caller);
        await tokens.RevokeOfBuilderAsync(id, clock.Now(), cancellation);
        await builders.RemoveAsync(id, AuditEntry.By(caller, "builder.remove", $"builder {id}", clock.Now()), cancellation);
        fleet.Find(id)?.Disconnect();
    }

    private void Find(string id, Caller caller)
    {
        var resource = Resource.Builder(id) with { Exists = builders.Find(id) is not null };
        AccessControl.Authorize(caller, CallerAction.ManageBuilders, resource);
    }

    private Contract.Admin.V1.Builder ToWire(Builder builder, int running)
    {
        // Beside a running server (--data) the fleet is not in this process; the database knows to the half minute.
        var connected = fleet.Find(builder.Id) is not null
            || (!fleet.IsServing && builder.LastSeenAt > clock.Now() - SeenLately);
        var wire = new Contract.Admin.V1.Builder
        {
            Id = builder.Id,
            Name = builder.Name,
            Connected = connected,
            Draining = builder.Draining,
            EngineKind = builder.EngineKind,
            EngineVersion = builder.EngineVersion,
            Address = builder.Address,
            Version = builder.Version,
            LastSeenAt = builder.LastSeenAt.ToWire(),
            RunningBuilds = running,
        };
        wire.Architectures.AddRange(builder.Architectures.Split(',', StringSplitOptions.RemoveEmptyEntries));
        return wire;
    }
}
