namespace Depot.Cli.Settings;

/// <summary>What one server was signed in to with.</summary>
internal sealed record ServerLogin(string? Token, string? OrganizationId)
{
    public static ServerLogin None { get; } = new(null, null);

    /// <summary>A token must never end up in a log line by way of a record's text.</summary>
    public override string ToString() => $"login of organisation {OrganizationId}";
}
