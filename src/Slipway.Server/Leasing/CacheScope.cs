using Slipway.Server.Builds;

namespace Slipway.Server.Leasing;

/// <summary>
/// What the fleet calls the project of a lease: whose engine, cache, network and certificates a build shares. A project has two of them: its own, and one for
/// untrusted builds. A builder knows only that they are two projects, and keeps them apart as it keeps any two apart.
/// </summary>
internal static class CacheScope
{
    private const string Untrusted = "-untrusted";

    public static string Of(Build build) => build.Untrusted ? build.ProjectId + Untrusted : build.ProjectId;

    public static IReadOnlyList<string> AllOf(string projectId) => [projectId, projectId + Untrusted];

    public static bool IsUntrusted(string scope) => scope.EndsWith(Untrusted, StringComparison.Ordinal);

    public static string ProjectOf(string scope) => IsUntrusted(scope) ? scope[..^Untrusted.Length] : scope;
}
