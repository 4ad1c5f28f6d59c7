namespace Depot.Cli.ControlPlane.Oidc;

/// <summary>A CI system that vouches for its own jobs with short-lived tokens.</summary>
internal interface IOidcProvider
{
    /// <summary>As people call it.</summary>
    string Name { get; }

    /// <summary>This process runs in one of its jobs.</summary>
    bool IsHere { get; }

    /// <summary>What this job lacks to be given a token, and what to do about it; null when it lacks nothing.</summary>
    /// <param name="audience">Whom the token is for.</param>
    string? Lacks(string audience);

    /// <summary>A token for <paramref name="audience"/>, where the provider lets one choose.</summary>
    /// <exception cref="OidcException">The provider gave none.</exception>
    Task<string> FetchAsync(string audience, CancellationToken cancellation);
}
