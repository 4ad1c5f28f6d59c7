using System.Collections.Concurrent;
using Google.Protobuf.WellKnownTypes;
using Slipway.Contract;
using Slipway.Contract.Connect;
using Slipway.Contract.Fleet.V1;
using Slipway.Server.Builders;
using Slipway.Server.Builds;
using Slipway.Server.Projects;
using Slipway.Server.Storage;

namespace Slipway.Server.Leasing;

/// <summary>Finds an engine for a build, starts it if need be, and has the builder let the build in.</summary>
internal sealed class AcquireBuilder(
    Fleet fleet, LeaseStore leases, BuildStore builds, ProjectStore projects, BuilderStore builders, ServerOptions options, TimeProvider clock)
{
    /// <summary>How long a build waits while no connected builder can serve it.</summary>
    private static readonly TimeSpan NoBuilderMax = TimeSpan.FromSeconds(60);

    private const string EmulatorRemedy = "apt-get install qemu-user-static binfmt-support on its machine, then restart its slipway";

    private readonly ConcurrentDictionary<(string, string), long> _without = new();

    /// <summary>Waits until the build may connect to the answered lease. Cancelling leaves everything under way for the next call.</summary>
    /// <remarks>The lease's architecture is another one than asked for where the builder emulates it.</remarks>
    /// <exception cref="ApiException">No builder can serve, or the engine failed: the build cannot run.</exception>
    public async Task<Lease> HandleAsync(Build build, string architecture, CancellationToken cancellation)
    {
        while (true)
        {
            // Read before looking: a change in between must not be slept through.
            var changed = fleet.Changed;
            var left = PatienceLeft(build, architecture);
            var lease = fleet.FindOrReserve(CacheScope.Of(build), architecture, MayEmulate(architecture, left), out var reserved);
            if (lease is null)
            {
                await WaitForBuilderAsync(architecture, left, changed, cancellation);
                continue;
            }

            _without.TryRemove((build.Id, architecture), out _);
            if (reserved)
            {
                await StartEngineAsync(lease);
            }

            if (await TryEnterAsync(build, lease, architecture, cancellation))
            {
                return lease;
            }
        }
    }

    /// <summary>Ends the waits of a build that is over.</summary>
    public void Forget(string buildId)
    {
        foreach (var key in _without.Keys.Where(key => key.Item1 == buildId))
        {
            _without.TryRemove(key, out _);
        }
    }

    internal static AdmitBuild Admit(string buildId, string leaseId, TimeProvider clock) => new()
    {
        BuildId = buildId,
        LeaseId = leaseId,
        ExpiresAt = Timestamp.FromDateTimeOffset(clock.GetUtcNow() + Limits.BuildDurationMax + Limits.CertificateGrace),
    };

    internal StartEngine Start(Lease lease)
    {
        var project = projects.Find(CacheScope.ProjectOf(lease.ProjectId));
        return new StartEngine
        {
            LeaseId = lease.Id,
            ProjectId = lease.ProjectId,
            Architecture = lease.Architecture,
            ServerName = lease.ServerName,
            CacheKeepBytes = project?.CacheKeepBytes ?? 0,
            CacheKeepDays = (int)(project?.CacheKeepDays ?? 0),
        };
    }

    // Not cancelled with the call that came first: others wait for this start too.
    private async Task StartEngineAsync(Lease lease)
    {
        try
        {
            // On the disk before the builder hears of it, so that a restarted server knows the engine that it finds running.
            await leases.AddAsync(lease, clock.Now(), CancellationToken.None);
        }
        catch (Exception failure)
        {
            fleet.EndLease(lease, failure.Message);
            throw;
        }

        fleet.Send(lease.BuilderId, new ServerMessage { StartEngine = Start(lease) });
    }

    private async Task<bool> TryEnterAsync(Build build, Lease lease, string architecture, CancellationToken cancellation)
    {
        await Task.WhenAny(lease.Ready, lease.Gone).WaitAsync(cancellation);
        if (lease.Ready.IsFaulted)
        {
            throw EngineFailed(lease);
        }

        if (lease.Gone.IsCompleted)
        {
            return false;
        }

        if (!lease.Builds(architecture))
        {
            throw CannotEmulate(lease, architecture);
        }

        var admit = Admit(build.Id, lease.Id, clock);
        var admitted = lease.ExpectAdmission(admit);
        fleet.Send(lease.BuilderId, new ServerMessage { AdmitBuild = admit });
        await Task.WhenAny(admitted, lease.Gone).WaitAsync(cancellation);
        if (!admitted.IsCompleted)
        {
            return false;
        }

        var admission = new Admission
        {
            BuildId = build.Id,
            Architecture = lease.Architecture,
            LeaseId = lease.Id,
            BuilderId = lease.BuilderId,
            AdmittedAt = clock.Now(),
        };
        await builds.AdmitAsync(admission, cancellation);
        return true;
    }

    /// <summary>How long the build still waits for a builder.</summary>
    private TimeSpan PatienceLeft(Build build, string architecture)
    {
        var since = _without.GetOrAdd((build.Id, architecture), clock.Now());
        return TimeSpan.FromMilliseconds(since + NoBuilderMax.Milliseconds() - clock.Now());
    }

    /// <summary>Emulation is slow, so that a native builder that was here a moment ago is waited for, as after a restart of this server.</summary>
    private bool MayEmulate(string architecture, TimeSpan left)
    {
        if (!options.Emulation || left <= TimeSpan.Zero)
        {
            return options.Emulation;
        }

        var lately = clock.Now() - NoBuilderMax.Milliseconds();
        return !builders.List().Any(builder => !builder.Draining
            && builder.Architectures.Split(',').Contains(architecture, StringComparer.Ordinal)
            && fleet.LostSince(builder.Id) > lately);
    }

    private async Task WaitForBuilderAsync(string architecture, TimeSpan left, Task changed, CancellationToken cancellation)
    {
        if (left <= TimeSpan.Zero)
        {
            throw NoBuilder(architecture);
        }

        try
        {
            await changed.WaitAsync(left, clock, cancellation);
        }
        catch (TimeoutException)
        {
            throw NoBuilder(architecture);
        }
    }

    private ApiException EngineFailed(Lease lease)
    {
        var error = lease.Ready.Exception?.InnerException?.Message ?? "no reason given";
        return new ApiException(ConnectCode.Unavailable, $"builder {NameOf(lease)} could not start the engine: {error}");
    }

    private ApiException NoBuilder(string architecture)
    {
        var connected = fleet.Attached;
        var known = connected.Count == 0
            ? "no builder is connected"
            : "connected: " + string.Join(", ", connected.Select(Describe));
        return new ApiException(
            ConnectCode.Unavailable,
            $"no builder can serve linux/{architecture} ({known})",
            "start one on a machine of that architecture: slipway builder --server URL --join TOKEN" + OrEmulate(connected, architecture));
    }

    private string OrEmulate(IReadOnlyList<AttachedBuilder> connected, string architecture) =>
        connected.Count == 0 ? ""
        : !options.Emulation ? "; or let the server emulate it: --emulation on"
        : connected.All(builder => builder.EngineFor(architecture, emulated: true) is null)
            ? $"; or let one that is there emulate it: {EmulatorRemedy}" : "";

    private ApiException CannotEmulate(Lease lease, string architecture) => new(
        ConnectCode.Unavailable,
        $"the engine on builder {NameOf(lease)} cannot emulate linux/{architecture}",
        EmulatorRemedy);

    private string NameOf(Lease lease) => builders.Find(lease.BuilderId)?.Name ?? lease.BuilderId;

    private static string Describe(AttachedBuilder builder) =>
        $"{builder.Builder.Name} ({string.Join("+", builder.Architectures)}{(builder.Draining ? ", draining" : "")})";
}
