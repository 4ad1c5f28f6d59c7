using Slipway.Server.Builds;
using Slipway.Server.Leasing;

namespace Slipway.Server.Registry;

/// <summary>Where saved images are in the operator's registry: a project has a repository of its own, and one apart for what untrusted builds save.</summary>
/// <remarks>It is called as the fleet calls the build's cache: what does not share a cache does not share images either.</remarks>
internal readonly record struct ImageRepository(string Name)
{
    public string ProjectId => CacheScope.ProjectOf(Name);

    public bool IsUntrusted => CacheScope.IsUntrusted(Name);

    public static ImageRepository Of(Build build) => new(CacheScope.Of(build));

    public static IEnumerable<ImageRepository> AllOf(string projectId) => CacheScope.AllOf(projectId).Select(name => new ImageRepository(name));
}
