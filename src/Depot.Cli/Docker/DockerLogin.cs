using System.Text;
using System.Text.Json.Nodes;

namespace Depot.Cli.Docker;

/// <summary>A login that Docker uses for one request and does not keep (Docker Engine API, "Authentication").</summary>
internal sealed record DockerLogin
{
    public required string ServerAddress { get; init; }

    public required string Username { get; init; }

    public required string Password { get; init; }

    /// <summary>The value of <c>X-Registry-Auth</c>: base64url with padding.</summary>
    public string ToHeader() => Convert.ToBase64String(Encoding.UTF8.GetBytes(
        new JsonObject { ["username"] = Username, ["password"] = Password, ["serveraddress"] = ServerAddress }.ToJsonString())).Replace('+', '-').Replace('/', '_');

    public override string ToString() => "***";
}
