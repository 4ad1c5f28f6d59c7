using Slipway.Contract.Connect;

namespace Slipway.Server.Access;

/// <summary>What somebody may do in an organization; each includes the ones before.</summary>
internal enum Role
{
    /// <summary>Sees projects, builds and logs.</summary>
    Viewer = 1,

    /// <summary>Builds, and resets caches.</summary>
    Member = 2,

    /// <summary>Manages projects, tokens, trust relationships and people.</summary>
    Owner = 3,
}

/// <summary>How roles are called in the database and to people.</summary>
internal static class Roles
{
    public static string Name(this Role role) => role switch
    {
        Role.Viewer => "viewer",
        Role.Member => "member",
        Role.Owner => "owner",
        _ => throw new ArgumentOutOfRangeException(nameof(role), role, null),
    };

    /// <summary>For what the database holds: its own CHECK admits nothing else.</summary>
    public static Role Stored(string name) => Find(name) ?? throw new InvalidDataException($"the role \"{name}\" is none");

    /// <summary>For what people type.</summary>
    public static Role Parse(string name) => Find(name)
        ?? throw new ApiException(ConnectCode.InvalidArgument, $"the role is \"{name}\"", "choose owner, member or viewer");

    private static Role? Find(string name) => name switch
    {
        "viewer" => Role.Viewer,
        "member" => Role.Member,
        "owner" => Role.Owner,
        _ => null,
    };
}
