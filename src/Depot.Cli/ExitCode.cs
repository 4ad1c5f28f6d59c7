namespace Depot.Cli;

/// <summary>What the process tells its caller; the numbers are buildx's.</summary>
internal static class ExitCode
{
    public const int Done = 0;
    public const int Failed = 1;

    /// <summary>BuildKit answered Internal (buildx maps it to a software error).</summary>
    public const int BuilderFault = 100;

    /// <summary>BuildKit answered ResourceExhausted.</summary>
    public const int BuilderExhausted = 102;

    public const int Interrupted = 130;
}
