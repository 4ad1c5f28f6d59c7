namespace Slipway.Builder.Engine;

/// <summary>One kind of BuildKit: how it is checked, started, reached and cleaned up after.</summary>
internal interface IEngineProgram
{
    /// <summary>As the server shows it: buildkitd, address or dockerd.</summary>
    string Kind { get; }

    /// <summary>Makes sure that the engine can be used at all.</summary>
    /// <exception cref="EngineException">It is missing or too old; the message says what to do.</exception>
    Task<EngineFacts> CheckAsync(CancellationToken cancellation);

    /// <summary>Writes the configuration and says what to run; null for an engine that runs by itself.</summary>
    Task<EngineLaunch?> PrepareAsync(EngineFolder folder, CacheBudget budget, CancellationToken cancellation);

    Task<Stream> ConnectAsync(EngineFolder folder, CancellationToken cancellation);

    /// <summary>Takes back what <see cref="PrepareAsync"/> set up on the machine, also after a killed run.</summary>
    Task CleanUpAsync(EngineFolder folder, CancellationToken cancellation);
}

/// <param name="Version">As the engine reports it.</param>
/// <param name="Architectures">Those that it builds without emulation.</param>
internal sealed record EngineFacts(string Version, IReadOnlyList<string> Architectures)
{
    /// <summary>Those that it builds with an emulator.</summary>
    public IReadOnlyList<string> Emulated { get; init; } = [];

    /// <summary>The same for a builder whose operator named the one architecture that it is to serve.</summary>
    public EngineFacts For(string? architecture) => architecture is null ? this : this with { Architectures = [architecture], Emulated = [] };
}

/// <summary>A daemon to be started.</summary>
internal sealed record EngineLaunch(string Program, IReadOnlyList<string> Arguments)
{
    /// <summary>The network namespace it runs in; null for this machine's own.</summary>
    public string? NetworkNamespace { get; init; }

    /// <summary>Shell commands that run first, in the namespaces of the engine.</summary>
    public string Preamble { get; init; } = "";

    /// <summary>How long it may take until it answers.</summary>
    public TimeSpan StartLimit { get; init; } = TimeSpan.FromSeconds(60);
}
