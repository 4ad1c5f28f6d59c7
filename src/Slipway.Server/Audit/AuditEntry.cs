using Slipway.Server.Access;

namespace Slipway.Server.Audit;

/// <summary>What somebody did, or was not allowed to do.</summary>
internal sealed record AuditEntry
{
    public const string Done = "ok";
    public const string Refused = "denied";

    /// <summary>0 until it is stored.</summary>
    public long Sequence { get; init; }

    public required long At { get; init; }

    /// <summary>For people: "user ann@example.com", "project ci".</summary>
    public required string Actor { get; init; }

    /// <summary>Of the token, the person or the job.</summary>
    public string ActorId { get; init; } = "";

    public string Address { get; init; } = "";

    /// <summary>A noun and a verb, "token.revoke"; for a denial the method or page.</summary>
    public required string Action { get; init; }

    public string Outcome { get; init; } = Done;

    public string Target { get; init; } = "";

    public string OrganizationId { get; init; } = "";

    public string ProjectId { get; init; } = "";

    public string Detail { get; init; } = "";

    /// <summary>Of this record and, through the one before, of all earlier ones.</summary>
    public string Hash { get; init; } = "";

    public static AuditEntry By(Caller caller, string action, string target, long now) => new()
    {
        At = now,
        Actor = caller.Name,
        ActorId = caller.Id,
        Address = caller.Address,
        Action = action,
        Target = target,
    };
}
