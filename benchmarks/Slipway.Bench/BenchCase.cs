using Slipway.Bench.Reporting;

namespace Slipway.Bench;

/// <summary>One thing that <c>./bench NAME</c> measures.</summary>
internal sealed record BenchCase(string Name, Func<BenchRun, Task> Run);

/// <summary>What a case works with.</summary>
/// <param name="Thorough">The case was asked for by name: more rounds than in the run of all, which should end within minutes.</param>
internal sealed record BenchRun(string Root, Report Report, bool Thorough, Func<Task<EndToEnd.BenchSite>> Site, CancellationToken Cancellation)
{
    public int Rounds(int few, int many) => Thorough ? many : few;
}
