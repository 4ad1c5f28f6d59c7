using System.Text;
using System.Text.Json;
using Slipway.Contract.Admin.V1;
using Slipway.Server.Access;
using Slipway.Server.Audit;
using Slipway.Server.Builds;
using Slipway.Server.People;
using Slipway.Server.Records;
using Slipway.Server.Storage;
using Slipway.Server.Tokens;
using Slipway.Server.Trust;

namespace Slipway.Server.Admin;

/// <summary>Records as the admin API words them.</summary>
internal static class AdminWire
{
    public static Organization ToWire(this Projects.Organization organization) => new()
    {
        Id = organization.Id,
        Name = organization.Name,
        CreatedAt = organization.CreatedAt.ToWire(),
    };

    public static Project ToWire(this Projects.Project project) => new()
    {
        Id = project.Id,
        OrganizationId = project.OrganizationId,
        Name = project.Name,
        CreatedAt = project.CreatedAt.ToWire(),
        CacheKeepBytes = project.CacheKeepBytes,
        CacheKeepDays = (int)project.CacheKeepDays,
    };

    public static TokenInfo ToWire(this TokenRecord token) => new()
    {
        Id = token.Id,
        Kind = token.Kind,
        Name = token.Name,
        OrganizationId = token.OrganizationId ?? "",
        ProjectId = token.ProjectId ?? "",
        CreatedAt = token.CreatedAt.ToWire(),
        ExpiresAt = token.ExpiresAt.ToWire(),
        LastUsedAt = token.LastUsedAt.ToWire(),
        RevokedAt = token.RevokedAt.ToWire(),
        UserEmail = token.UserEmail ?? "",
        Role = token.Role ?? "",
        AllowedFrom = { AddressList.Split(token.AllowedFrom) },
    };

    public static Contract.Admin.V1.User ToWire(this Member member) => new()
    {
        Email = member.Email,
        OrganizationId = member.OrganizationId,
        Role = member.Role,
        State = member.UserId is null ? "invited" : "active",
        Since = member.CreatedAt.ToWire(),
        ExpiresAt = member.ExpiresAt.ToWire(),
    };

    public static Contract.Admin.V1.Trust ToWire(this TrustPolicy policy)
    {
        var wire = new Contract.Admin.V1.Trust
        {
            Id = policy.Id,
            ProjectId = policy.ProjectId,
            Provider = policy.Provider,
            Issuer = policy.Issuer,
            AllowDepotAudience = policy.DepotAudience,
            SingleUse = policy.SingleUse,
            Tier = policy.Tier,
            AllowedFrom = { AddressList.Split(policy.AllowedFrom) },
            CreatedAt = policy.CreatedAt.ToWire(),
            LastUsedAt = policy.LastUsedAt.ToWire(),
        };
        wire.Conditions.AddRange(policy.ReadConditions().Select(condition => new Contract.Admin.V1.ClaimCondition
        {
            Claim = condition.Claim,
            Operator = condition.Operator,
            Values = { condition.Values },
        }));
        wire.Pinned.Add(policy.ReadPins().ToDictionary());
        wire.Warnings.AddRange(TrustRules.Warnings(policy));
        return wire;
    }

    public static NewTrust FromWire(this AddTrustRequest request) => new(
        request.ProjectId,
        request.Provider,
        request.Issuer,
        [.. request.Conditions.Select(condition => new Trust.ClaimCondition(condition.Claim, condition.Operator, [.. condition.Values]))],
        request.AllowDepotAudience,
        request.SingleUse,
        request.Tier,
        request.AllowedFrom);

    public static AuditRecord ToWire(this AuditEntry entry) => new()
    {
        Sequence = entry.Sequence,
        At = entry.At.ToWire(),
        Actor = entry.Actor,
        ActorId = entry.ActorId,
        Address = entry.Address,
        Action = entry.Action,
        Outcome = entry.Outcome,
        Target = entry.Target,
        OrganizationId = entry.OrganizationId,
        ProjectId = entry.ProjectId,
        Detail = entry.Detail,
        Hash = entry.Hash,
    };

    public static BuildSummary ToWire(this Build build)
    {
        var summary = new BuildSummary
        {
            Id = build.Id,
            ProjectId = build.ProjectId,
            Status = BuildText.Status(build.Status),
            Reason = build.Reason,
            CreatedAt = build.CreatedAt.ToWire(),
            FinishedAt = build.FinishedAt.ToWire(),
            StartedBy = build.StartedBy,
            Untrusted = build.Untrusted,
        };
        summary.Tags.AddRange(JsonSerializer.Deserialize<string[]>(build.Tags) ?? []);
        return summary;
    }

    public static BuildStep ToWire(this StepRow step) => new()
    {
        Architecture = step.Architecture,
        Digest = step.Digest,
        Name = step.Name,
        Cached = step.Cached,
        StartedAt = step.StartedAt.ToWire(),
        CompletedAt = step.CompletedAt.ToWire(),
        Error = step.Error,
    };

    public static BuildLogLine ToWire(this LogRow line) => new()
    {
        Architecture = line.Architecture,
        Sequence = line.Sequence,
        StepDigest = line.StepDigest,
        StepName = line.StepName,
        At = line.At.ToWire(),
        Stream = (int)line.Stream,

        // What is not UTF-8 becomes replacement characters: a step may print anything.
        Line = Encoding.UTF8.GetString(line.Line),
    };
}
