namespace Slipway.Builder.Proxying;

/// <summary>How a relayed connection ended: which side, in which phase.</summary>
internal enum RelayOutcome
{
    /// <summary>The client closed with no call open.</summary>
    ClientClosed,

    /// <summary>The client's connection ended while calls were open.</summary>
    ClientReset,

    /// <summary>The client broke HTTP/2's rules or flooded the relay.</summary>
    ClientMisbehaved,

    /// <summary>The client connected but did not speak HTTP/2 in time.</summary>
    ClientSilent,

    /// <summary>The engine could not be reached.</summary>
    EngineUnreachable,

    /// <summary>The engine announced its end and closed.</summary>
    EngineClosed,

    /// <summary>The engine's connection ended without announcement.</summary>
    EngineClosedEarly,

    /// <summary>The engine broke HTTP/2's rules.</summary>
    EngineMisbehaved,

    /// <summary>The build's admission was revoked or ran out.</summary>
    Revoked,

    /// <summary>The builder is stopping.</summary>
    Stopped,
}

/// <summary>How one relayed connection ended, in a line for the builder's log.</summary>
internal sealed record RelayEnd(RelayOutcome Outcome, string Detail);
