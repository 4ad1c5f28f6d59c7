using Slipway.Contract.Tokens;

namespace Slipway.Server.Access;

/// <summary>What kind of credential a call came with.</summary>
internal enum CallerKind
{
    /// <summary>No credential that counts; <see cref="Caller.Refusal"/> says why.</summary>
    Anonymous,

    /// <summary>A person, or somebody at the keyboard of the machine that holds the data.</summary>
    User,
    Organization,
    Project,
    Build,
    Builder,

    /// <summary>A machine that wants to become a builder.</summary>
    Join,
}

/// <summary>Who makes a call, as far as a credential proves it.</summary>
internal sealed record Caller
{
    public required CallerKind Kind { get; init; }

    /// <summary>For records: "user laptop", "project ci".</summary>
    public required string Name { get; init; }

    public string? TokenId { get; init; }

    public string? OrganizationId { get; init; }

    public string? ProjectId { get; init; }

    public string? BuildId { get; init; }

    public string? BuilderId { get; init; }

    /// <summary>Why an anonymous caller is anonymous, with the remedy.</summary>
    public string? Refusal { get; init; }

    /// <summary>Whoever can write the data folder can do everything that an owner can.</summary>
    public static Caller AtTheDataFolder { get; } = new() { Kind = CallerKind.User, Name = "local" };

    public static Caller Refused(string why) => new() { Kind = CallerKind.Anonymous, Name = "anonymous", Refusal = why };

    internal static CallerKind KindOf(TokenKind kind) => kind switch
    {
        TokenKind.User => CallerKind.User,
        TokenKind.Organization => CallerKind.Organization,
        TokenKind.Project => CallerKind.Project,
        TokenKind.Build => CallerKind.Build,
        TokenKind.Builder => CallerKind.Builder,
        TokenKind.Join => CallerKind.Join,
        TokenKind.Pull or TokenKind.DevicePoll => CallerKind.Anonymous,
        _ => CallerKind.Anonymous,
    };
}
