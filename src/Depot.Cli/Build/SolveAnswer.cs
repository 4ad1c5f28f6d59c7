using Slipway.BuildKit.Wire.Gateway;

namespace Depot.Cli.Build;

/// <summary>What came of one Solve.</summary>
/// <param name="Exported">What the exporters say of their results: digests, names.</param>
/// <param name="Frontend">The frontend's own answer, where the Solve went through the gateway.</param>
internal sealed record SolveAnswer(IReadOnlyDictionary<string, string> Exported, Result? Frontend = null);
