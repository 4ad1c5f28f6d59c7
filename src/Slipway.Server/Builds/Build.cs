using Slipway.Contract.Depot.Cli.V1;

namespace Slipway.Server.Builds;

/// <summary>One run of the client: from CreateBuild to exactly one final state.</summary>
internal sealed record Build
{
    public required string Id { get; init; }

    public required string ProjectId { get; init; }

    public string OrganizationId { get; init; } = "";

    public string ProjectName { get; init; } = "";

    public long Status { get; init; } = (long)BuildStatus.Running;

    /// <summary>Why it ended so, for people; empty when it finished.</summary>
    public string Reason { get; init; } = "";

    /// <summary>client, builder or server.</summary>
    public string? EndedBy { get; init; }

    /// <summary>JSON array.</summary>
    public string Tags { get; init; } = "[]";

    public required string StartedBy { get; init; }

    /// <summary>JSON object: what the CI job's token says of the job, by <see cref="Trust.JobOrigin"/>; <c>{}</c> for other callers.</summary>
    public string Origin { get; init; } = "{}";

    /// <summary>Anybody may have written what it builds: it shares nothing with the project's other builds.</summary>
    public bool Untrusted { get; init; }

    /// <summary>What it saves in the registry, as <see cref="Registry.SavedImages"/> reads it; null for nothing.</summary>
    public string? Saved { get; init; }

    public long CreatedAt { get; init; }

    public long? FinishedAt { get; init; }

    public bool IsRunning => Status == (long)BuildStatus.Running;
}

/// <summary>How a build ends and who says so.</summary>
internal sealed record BuildEnd(BuildStatus Status, string Reason, string EndedBy)
{
    public const string ByClient = "client";
    public const string ByBuilder = "builder";
    public const string ByServer = "server";
}

/// <summary>A build's stay on one engine, as the builder saw it.</summary>
internal sealed record Admission
{
    public required string BuildId { get; init; }

    public required string Architecture { get; init; }

    public required string LeaseId { get; init; }

    public required string BuilderId { get; init; }

    public long AdmittedAt { get; init; }

    public long? ConnectedAt { get; init; }

    /// <summary><c>slipway.fleet.v1.BuildEnded.Outcome</c>; null while the build runs there.</summary>
    public long? Outcome { get; init; }

    public string Error { get; init; } = "";

    public long? EndedAt { get; init; }
}
