using System.Security.Cryptography;
using Slipway.Contract;
using Slipway.Contract.Fleet.V1;
using Slipway.Server.Builds;
using Slipway.Server.Certificates;
using Slipway.Server.Leasing;
using Slipway.Server.Storage;

namespace Slipway.Server.Builders;

/// <summary>What each message of an attached builder changes.</summary>
internal sealed class BuilderMessages(
    Fleet fleet,
    BuilderStore builders,
    LeaseStore leases,
    BuildStore builds,
    BuildCertificates certificates,
    TimeProvider clock,
    ILogger<BuilderMessages> log)
{
    private const int ErrorLengthMax = 4000;

    public Task HandleAsync(AttachedBuilder from, BuilderMessage message, CancellationToken cancellation) => message.MessageCase switch
    {
        BuilderMessage.MessageOneofCase.CertificateRequest => Certify(from, message.CertificateRequest),
        BuilderMessage.MessageOneofCase.EngineReady => ReadyAsync(from, message.EngineReady, cancellation),
        BuilderMessage.MessageOneofCase.EngineFailed =>
            EndLeaseAsync(from, message.EngineFailed.LeaseId, message.EngineFailed.Error.Clip(ErrorLengthMax), cancellation),
        BuilderMessage.MessageOneofCase.EngineStopped => EndLeaseAsync(from, message.EngineStopped.LeaseId, null, cancellation),
        BuilderMessage.MessageOneofCase.BuildAdmitted => Admit(from, message.BuildAdmitted),
        BuilderMessage.MessageOneofCase.BuildConnected =>
            builds.ConnectAsync(message.BuildConnected.BuildId, message.BuildConnected.LeaseId, from.Id, clock.Now(), cancellation),
        BuilderMessage.MessageOneofCase.BuildEnded => EndedAsync(from, message.BuildEnded, cancellation),
        BuilderMessage.MessageOneofCase.CacheReset => CacheResetAsync(from, message.CacheReset, cancellation),
        BuilderMessage.MessageOneofCase.None or BuilderMessage.MessageOneofCase.Hello
            or BuilderMessage.MessageOneofCase.Heartbeat => Task.CompletedTask,
        _ => Task.CompletedTask,
    };

    private Task Certify(AttachedBuilder from, CertificateRequest request)
    {
        if (fleet.FindLease(from, request.LeaseId) is not { } lease)
        {
            Stop(from, request.LeaseId);
            return Task.CompletedTask;
        }

        try
        {
            var chain = certificates.IssueForLease(request.Csr.ToByteArray(), lease.ServerName);
            from.Send(new ServerMessage { Certificate = new Certificate { LeaseId = lease.Id, Chain = chain } });
        }
        catch (CryptographicException refused)
        {
            ServerLog.CertificateRefused(log, from.Id, refused.Message);
            fleet.EndLease(lease, $"its certificate request was refused: {refused.Message}");
            Stop(from, lease.Id);
        }

        return Task.CompletedTask;
    }

    private async Task ReadyAsync(AttachedBuilder from, EngineReady ready, CancellationToken cancellation)
    {
        if (fleet.FindLease(from, ready.LeaseId) is not { } lease)
        {
            // Started for an earlier connection of this builder, or too late: nobody knows it any more.
            Stop(from, ready.LeaseId);
            return;
        }

        lease.BuiltArchitectures = [.. ready.Architectures];
        fleet.MarkReady(from, lease);
        await builders.HoldCacheAsync(from.Id, lease.ProjectId, lease.Architecture, cancellation);
    }

    private async Task EndLeaseAsync(AttachedBuilder from, string leaseId, string? error, CancellationToken cancellation)
    {
        if (fleet.FindLease(from, leaseId) is { } lease)
        {
            fleet.EndLease(lease, error);
            await leases.EndAsync(leaseId, clock.Now(), cancellation);
        }
    }

    private Task Admit(AttachedBuilder from, BuildAdmitted admitted)
    {
        fleet.Found(from, admitted.BuildId);
        fleet.FindLease(from, admitted.LeaseId)?.Admitted(admitted.BuildId);
        return Task.CompletedTask;
    }

    private async Task EndedAsync(AttachedBuilder from, BuildEnded ended, CancellationToken cancellation)
    {
        // The time of arrival: a builder's clock may be off, and after a partition the grace for FinishBuild begins now.
        var seen = new Admission
        {
            BuildId = ended.BuildId,
            Architecture = "",
            LeaseId = ended.LeaseId,
            BuilderId = from.Id,
            Outcome = (long)ended.Outcome,
            Error = ended.Error.Clip(ErrorLengthMax),
            EndedAt = clock.Now(),
        };
        await builds.WitnessEndAsync(seen, ended.LastSequence, cancellation);
        fleet.Found(from, ended.BuildId);

        // Acknowledged when it is on the disk, and also when it is of a build that nobody knows: it would come again for ever.
        from.Send(new ServerMessage
        {
            BuildEndedAck = new BuildEndedAck { BuildId = ended.BuildId, LeaseId = ended.LeaseId },
        });

        // The answer to AdmitBuild may be that an earlier stay ended; once that is acknowledged, the build can come again.
        if (fleet.FindLease(from, ended.LeaseId)?.UnansweredAdmission(ended.BuildId) is { } again)
        {
            from.Send(new ServerMessage { AdmitBuild = again });
        }
    }

    private async Task CacheResetAsync(AttachedBuilder from, CacheReset reset, CancellationToken cancellation)
    {
        if (reset.Error.Length == 0)
        {
            fleet.ForgetCaches(from, reset.ProjectId);
            await builders.ForgetCacheAsync(from.Id, reset.ProjectId, cancellation);
        }

        fleet.AnswerCacheReset(from.Id, reset.ProjectId, reset.Error);
    }

    private static void Stop(AttachedBuilder builder, string leaseId) =>
        builder.Send(new ServerMessage { StopEngine = new StopEngine { LeaseId = leaseId } });
}
