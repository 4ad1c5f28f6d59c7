using System.Text;
using System.Text.Json;
using Slipway.Contract.Admin.V1;
using Slipway.Server.Builds;
using Slipway.Server.Records;
using Slipway.Server.Storage;
using Slipway.Server.Tokens;

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
