namespace Slipway.Server.Registry;

/// <summary>What a registry's client asks for, or is granted: <c>repository:NAME:pull,push</c> (distribution's token scope documentation).</summary>
internal sealed record RegistryScope(string Type, string Name, IReadOnlyList<string> Actions)
{
    public const string Repository = "repository";
    public const string Pull = "pull";
    public const string Push = "push";
    public const string Delete = "delete";

    /// <summary>A name may hold a port's colon: the type ends at the first one, the actions begin at the last.</summary>
    /// <returns>Null for what is no scope: it is granted to nobody.</returns>
    public static RegistryScope? TryParse(string text)
    {
        var (first, last) = (text.IndexOf(':', StringComparison.Ordinal), text.LastIndexOf(':'));
        return first > 0 && last > first + 1
            ? new RegistryScope(text[..first], text[(first + 1)..last], text[(last + 1)..].Split(',', StringSplitOptions.RemoveEmptyEntries))
            : null;
    }

    public override string ToString() => $"{Type}:{Name}:{string.Join(',', Actions)}";
}
