namespace Slipway.BuildKit.Ssh;

/// <summary>One <c>--ssh</c>: an id, and the agent socket or the key files behind it.</summary>
public sealed record SshAgentSpec(string Id, IReadOnlyList<string> Paths)
{
    public const string DefaultId = "default";

    /// <summary>Reads <c>default|ID[=SOCKET|KEY[,KEY…]]</c>.</summary>
    public static SshAgentSpec Parse(string text)
    {
        var equals = text.IndexOf('=', StringComparison.Ordinal);
        var id = equals < 0 ? text : text[..equals];
        var paths = equals < 0 ? [] : text[(equals + 1)..].Split(',');
        return new SshAgentSpec(id.Length == 0 ? DefaultId : id, paths is [""] ? [] : paths);
    }
}
