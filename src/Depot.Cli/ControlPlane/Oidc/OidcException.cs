namespace Depot.Cli.ControlPlane.Oidc;

/// <summary>A CI system gave no token: who was asked, and what it answered.</summary>
internal sealed class OidcException(string message, Exception? inner = null) : Exception(message, inner)
{
    public string? Remedy { get; init; }
}
