using Slipway.Contract;
using Slipway.Contract.Connect;
using Slipway.Contract.Fleet.V1;
using Slipway.Server.Access;
using Slipway.Server.Builds;
using Slipway.Server.Certificates;
using Slipway.Server.Leasing;
using Slipway.Server.Storage;
using Slipway.Server.Tokens;

namespace Slipway.Server.Builders;

/// <summary>Takes a builder in: believes what it says is still running as far as the database agrees, and ends the rest.</summary>
internal sealed class AttachBuilder(
    Fleet fleet,
    BuilderStore builders,
    LeaseStore leases,
    BuildStore builds,
    TokenStore tokens,
    BuildCertificates certificates,
    AcquireBuilder acquire,
    TimeProvider clock,
    ILogger<AttachBuilder> log)
{
    /// <summary>Those that a client can ask for (depot.cli.v1.BuilderPlatform).</summary>
    private static readonly string[] Known = ["amd64", "arm64"];

    /// <summary>The builder is in the fleet when this returns; whoever called it must <see cref="Fleet.Detach"/> it.</summary>
    public async Task<AttachedBuilder> HandleAsync(Hello hello, Caller caller, CancellationToken cancellation)
    {
        AccessControl.Authorize(caller, CallerAction.ServeAsBuilder, Resource.Builder(hello.BuilderId));
        var known = builders.Find(hello.BuilderId) ?? throw new ApiException(
            ConnectCode.Unauthenticated,
            "this builder was removed",
            "delete its data folder and start it with a new join token: slipway admin builder join-token");
        Validate(hello);
        if (caller.TokenId is null)
        {
            // It has a certificate and has kept it: a token of an earlier release has done its work.
            await tokens.RevokeOfBuilderAsync(hello.BuilderId, clock.Now(), cancellation);
        }

        var now = clock.Now();
        var builder = known with
        {
            Version = hello.Version,
            Architectures = string.Join(',', hello.Architectures.Distinct(StringComparer.Ordinal)),
            EngineKind = hello.EngineKind,
            EngineVersion = hello.EngineVersion,
            Address = hello.AdvertisedAddress,
            LastSeenAt = now,
        };
        var caches = hello.Caches.Select(cache => (cache.ProjectId, cache.Architecture)).ToList();
        await builders.AttachAsync(builder, caches, cancellation);
        var adopted = await leases.AdoptAsync(builder.Id, [.. hello.Engines.Select(engine => engine.LeaseId)], now, cancellation);

        var attached = new AttachedBuilder(builder, cancellation)
        {
            AttachedAt = now,
            EmulatedArchitectures = [.. hello.EmulatedArchitectures.Intersect(Known).Except(hello.Architectures)],
        };
        attached.Caches.UnionWith(caches);
        Greet(attached, hello, adopted);
        fleet.Attach(attached, adopted);
        ServerLog.BuilderAttached(log, builder.Name, builder.Id, builder.Address, hello.Engines.Count, hello.Builds.Count);
        return attached;
    }

    // Everything here is in the outbox before anybody can place a build: the builder reads Welcome first.
    private void Greet(AttachedBuilder attached, Hello hello, IReadOnlyList<Lease> adopted)
    {
        attached.Send(new ServerMessage
        {
            Welcome = new Welcome
            {
                HeartbeatSeconds = (int)Limits.Heartbeat.TotalSeconds,
                BuildClientCa = certificates.BuildClientAuthority,
            },
        });
        if (attached.Draining)
        {
            attached.Send(new ServerMessage { Drain = new Drain { Draining = true } });
        }

        var keep = adopted.Select(lease => lease.Id).ToHashSet(StringComparer.Ordinal);
        foreach (var engine in hello.Engines.Where(engine => !keep.Contains(engine.LeaseId)))
        {
            attached.Send(new ServerMessage { StopEngine = new StopEngine { LeaseId = engine.LeaseId } });
        }

        // Asked again: whether an engine that was starting has become ready is known only from the answer.
        foreach (var lease in adopted)
        {
            attached.Send(new ServerMessage { StartEngine = acquire.Start(lease) });
        }

        SettleBuilds(attached, hello, keep);

        foreach (var project in builders.PendingCacheResets(attached.Id))
        {
            attached.Send(new ServerMessage { ResetCache = new ResetCache { ProjectId = project } });
        }
    }

    private void SettleBuilds(AttachedBuilder attached, Hello hello, HashSet<string> leases)
    {
        var there = hello.Builds.Select(running => running.BuildId).ToHashSet(StringComparer.Ordinal);
        var over = builds.ListEndedSince(attached.Id, clock.Now() - (Limits.BuildDurationMax + Limits.CertificateGrace).Milliseconds());
        foreach (var ended in over.Union(there.Where(id => builds.Find(id) is not { IsRunning: true })))
        {
            attached.Send(new ServerMessage { RevokeBuild = new RevokeBuild { BuildId = ended, Reason = "the build is over" } });
        }

        foreach (var stay in builds.ListAdmissionsOfRunning().Where(stay => stay.BuilderId == attached.Id && stay.Outcome is null))
        {
            // A client that has not come yet can still come, as long as its engine is there.
            if (stay.ConnectedAt is null && leases.Contains(stay.LeaseId))
            {
                attached.Send(new ServerMessage { AdmitBuild = AcquireBuilder.Admit(stay.BuildId, stay.LeaseId, clock) });
            }
            else if (!there.Contains(stay.BuildId))
            {
                attached.Missing.Add(stay.BuildId);
            }
        }
    }

    private static void Validate(Hello hello)
    {
        if (hello.Architectures.Count == 0 || hello.Architectures.Except(Known).Any())
        {
            throw new ApiException(
                ConnectCode.InvalidArgument,
                $"the builder offers the architectures \"{string.Join(", ", hello.Architectures)}\"",
                "amd64 and arm64 are known");
        }

        var colon = hello.AdvertisedAddress.LastIndexOf(':');
        if (colon <= 0 || !ushort.TryParse(hello.AdvertisedAddress.AsSpan(colon + 1), out var port) || port == 0)
        {
            throw new ApiException(
                ConnectCode.InvalidArgument,
                $"the builder's address \"{hello.AdvertisedAddress}\" is not HOST:PORT",
                "set it with slipway builder --advertise HOST:PORT");
        }
    }
}
