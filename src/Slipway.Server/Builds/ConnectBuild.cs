using System.Collections.Concurrent;
using System.Security.Cryptography;
using Slipway.Contract;
using Slipway.Contract.Connect;
using Slipway.Contract.Depot.Cli.V1;
using Slipway.Server.Builders;
using Slipway.Server.Certificates;
using Slipway.Server.Leasing;

namespace Slipway.Server.Builds;

/// <summary>Answers where a build's engine is, and with which certificate to go there.</summary>
internal sealed class ConnectBuild(
    AcquireBuilder acquire,
    BuildStore builds,
    Fleet fleet,
    BuildCertificates certificates,
    BuildActivity activity,
    EndBuild endBuild,
    IHostApplicationLifetime lifetime,
    TimeProvider clock)
{
    private readonly ConcurrentDictionary<(string, BuilderPlatform), int> _asked = new();

    public async Task<GetBuildKitConnectionResponse> HandleAsync(Build build, BuilderPlatform platform, CancellationToken cancellation)
    {
        var architecture = Architecture(platform);
        RefuseEnded(build);
        activity.Hear(build.Id);

        // Held back instead of answering "pending": a warm engine is then there with the first answer.
        using var patience = new CancellationTokenSource(Limits.ConnectionWait, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(
            cancellation, patience.Token, lifetime.ApplicationStopping);
        try
        {
            var lease = await acquire.HandleAsync(build, architecture, either.Token);
            _asked.TryRemove((build.Id, platform), out _);
            return Active(builds.Find(build.Id) ?? build, lease, architecture);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return Pending(build.Id, platform);
        }
        catch (ApiException failure) when (failure.Code == ConnectCode.Unavailable)
        {
            await endBuild.HandleAsync(
                build.Id, new BuildEnd(BuildStatus.Failed, failure.Message, BuildEnd.ByServer), cancellation);
            throw;
        }
        finally
        {
            activity.Hear(build.Id);
        }
    }

    private GetBuildKitConnectionResponse Active(Build build, Lease lease, string architecture)
    {
        // It may have ended while it waited; then its access has been revoked already.
        RefuseEnded(build);
        if (fleet.Find(lease.BuilderId) is not { } builder)
        {
            return Pending(build.Id, BuilderPlatform.Unspecified);
        }

        return new GetBuildKitConnectionResponse
        {
            Active = new GetBuildKitConnectionResponse.Types.ActiveConnection
            {
                Endpoint = $"tcp://{builder.Builder.Address}",
                ServerName = lease.ServerName,
                Cert = certificates.IssueForBuild(build, lease.Architecture),
                CaCert = new Cert { Cert_ = certificates.BuilderServerAuthority },
                Identity = new GetBuildKitConnectionResponse.Types.ActiveConnection.Types.IdentityCompressor(),
                EmulatedOn = lease.Architecture == architecture ? "" : lease.Architecture,
            },
        };
    }

    // Jittered so that a thousand clients do not come back in step; growing, because what is not there soon takes long.
    private GetBuildKitConnectionResponse Pending(string buildId, BuilderPlatform platform)
    {
        var asked = _asked.AddOrUpdate((buildId, platform), 1, (_, count) => Math.Min(count + 1, 8));
        var wait = RandomNumberGenerator.GetInt32(100, 500) * (asked + 1) / 2;
        return new GetBuildKitConnectionResponse
        {
            Pending = new GetBuildKitConnectionResponse.Types.PendingConnection
            {
                WaitMs = Math.Max(wait, Limits.PendingWaitMillisecondsMin),
            },
        };
    }

    private static void RefuseEnded(Build build)
    {
        if (!build.IsRunning)
        {
            var why = build.Reason.Length > 0 ? $": {build.Reason}" : "";
            throw new ApiException(
                ConnectCode.FailedPrecondition,
                $"build \"{build.Id}\" has {BuildText.Status(build.Status)}{why}",
                build.Status == (long)BuildStatus.Failed ? null : "start a new build");
        }
    }

    private static string Architecture(BuilderPlatform platform) => platform switch
    {
        BuilderPlatform.Amd64 => "amd64",
        BuilderPlatform.Arm64 => "arm64",
        _ => throw new ApiException(
            ConnectCode.InvalidArgument, $"platform {(int)platform} is not known", "ask for linux/amd64 or linux/arm64"),
    };
}
