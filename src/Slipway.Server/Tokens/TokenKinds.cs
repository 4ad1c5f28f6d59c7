using Slipway.Contract.Tokens;

namespace Slipway.Server.Tokens;

/// <summary>How token kinds are called in the database and to people.</summary>
internal static class TokenKinds
{
    public static string Name(this TokenKind kind) => kind switch
    {
        TokenKind.User => "user",
        TokenKind.Organization => "organization",
        TokenKind.Project => "project",
        TokenKind.Build => "build",
        TokenKind.Pull => "pull",
        TokenKind.Builder => "builder",
        TokenKind.Join => "join",
        TokenKind.DevicePoll => "device",
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, null),
    };

    public static TokenKind? Parse(string name) => name switch
    {
        "user" => TokenKind.User,
        "organization" => TokenKind.Organization,
        "project" => TokenKind.Project,
        "build" => TokenKind.Build,
        "pull" => TokenKind.Pull,
        "builder" => TokenKind.Builder,
        "join" => TokenKind.Join,
        "device" => TokenKind.DevicePoll,
        _ => null,
    };
}
