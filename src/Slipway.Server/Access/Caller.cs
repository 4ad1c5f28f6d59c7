using System.Collections.Frozen;
using Slipway.Contract.Connect;

namespace Slipway.Server.Access;

/// <summary>What kind of credential a call came with.</summary>
internal enum CallerKind
{
    /// <summary>No credential that counts; <see cref="Caller.Refusal"/> says why.</summary>
    Anonymous,

    /// <summary>The owner of the whole installation, or somebody at the keyboard of the machine that holds the data.</summary>
    Operator,

    /// <summary>A person, with a role in each of some organizations.</summary>
    User,
    Organization,
    Project,

    /// <summary>A CI provider's word for a job, as far as projects trust it.</summary>
    Oidc,
    Build,

    /// <summary>Somebody who was given the right to pull from the registry, and no other.</summary>
    Pull,
    Builder,

    /// <summary>A machine that wants to become a builder.</summary>
    Join,
}

/// <summary>Who makes a call, as far as a credential proves it.</summary>
internal sealed record Caller
{
    private static readonly IReadOnlyDictionary<string, Role> NoRoles = FrozenDictionary<string, Role>.Empty;

    public required CallerKind Kind { get; init; }

    /// <summary>For records: "user laptop", "project ci".</summary>
    public required string Name { get; init; }

    public string? TokenId { get; init; }

    public string? UserId { get; init; }

    /// <summary>By organization; an organization's own token has one.</summary>
    public IReadOnlyDictionary<string, Role> Roles { get; init; } = NoRoles;

    /// <summary>Whose credential it is, so that a refusal is in that organization's audit log; rights come from <see cref="Roles"/> and the other ids alone.</summary>
    public string? OrganizationId
    {
        get => field ?? Oidc?.Concerned(null)?.OrganizationId ?? (Roles.Count == 1 ? Roles.Keys.First() : null);
        init;
    }

    public string? ProjectId { get; init; }

    public string? BuildId { get; init; }

    /// <summary>Of a build's own token: whether it is not over.</summary>
    public bool BuildRuns { get; init; }

    /// <summary>The build of the token is an untrusted one: it has no part in what others of its project share.</summary>
    public bool IsUntrusted { get; init; }

    public string? BuilderId { get; init; }

    /// <summary>What a CI provider's token says, and who trusts it.</summary>
    public Trust.OidcPrincipal? Oidc { get; init; }

    /// <summary>Of a job that was refused before its relationships were asked: the one that it came closest to, with its own organization.</summary>
    public Trust.TrustPolicy? Near { get; init; }

    /// <summary>Where the call came from; empty for calls inside this machine.</summary>
    public string Address { get; init; } = "";

    /// <summary>Why an anonymous caller is anonymous, with the remedy.</summary>
    public string? Refusal { get; init; }

    /// <summary>What the audit log is told instead, where the caller is to learn less.</summary>
    public string? RefusalDetail { get; init; }

    /// <summary>A refused credential that was given out once, here or by an issuer, and does not count now: nobody guessed it.</summary>
    public bool IsGenuine { get; init; }

    /// <summary>The credential is good for one use, and had it.</summary>
    public bool IsReplay { get; init; }

    public ConnectCode RefusalCode { get; init; } = ConnectCode.Unauthenticated;

    /// <summary>What names this caller in the audit log: never a secret.</summary>
    public string Id => TokenId ?? UserId ?? Oidc?.Subject ?? "";

    /// <summary>Whoever can write the data folder can do everything that an owner can.</summary>
    public static Caller AtTheDataFolder { get; } = new() { Kind = CallerKind.Operator, Name = "local" };

    public static Caller Refused(string why) => new() { Kind = CallerKind.Anonymous, Name = "anonymous", Refusal = why };

    /// <summary>The least role that counts is the one named.</summary>
    public bool Has(Role least, string? organizationId) =>
        organizationId is not null && Roles.TryGetValue(organizationId, out var role) && role >= least;
}
