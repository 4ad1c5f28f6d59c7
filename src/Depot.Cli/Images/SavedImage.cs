using Depot.Cli.ControlPlane;
using Slipway.BuildKit.Auth;
using Slipway.Contract.Depot.Cli.V1;

namespace Depot.Cli.Images;

/// <summary>One image in the server's registry, and the way to it.</summary>
/// <param name="Reference">Registry, repository and tag.</param>
/// <param name="Target">The bake target that it is; empty for a plain build.</param>
/// <param name="Names">What the build called it.</param>
internal sealed record SavedImage(string Reference, string Target, IReadOnlyList<string> Names, string Host, RegistryCredential Login)
{
    /// <summary>The image of a plain build, or those of all targets of a bake.</summary>
    /// <exception cref="CliException">The build saved nothing.</exception>
    public static IReadOnlyList<SavedImage> Of(string buildId, GetPullInfoResponse info)
    {
        if (!info.SaveForLoad && !info.Options.Any(option => option.Save))
        {
            throw new CliException($"build {buildId} is not a saved build. To use the registry use --save when building");
        }

        var host = info.RegistryHost.Length > 0 ? info.RegistryHost : ImageApi.DefaultHost;
        var login = new RegistryCredential { Username = info.Username, Password = info.Password };
        return info.Options.Any(option => option.Command == Command.Bake)
            ? [.. info.Options.Select(option => new SavedImage($"{info.Reference}-{option.TargetName}", option.TargetName, [.. option.Tags], host, login))]
            : [new SavedImage(info.Reference, "", [.. info.Options.Take(1).SelectMany(option => option.Tags)], host, login)];
    }

    /// <summary>Those of some targets; of all when none is named.</summary>
    public static IReadOnlyList<SavedImage> Choose(IReadOnlyList<SavedImage> images, IReadOnlyList<string> targets)
    {
        foreach (var target in targets.Where(target => images.All(image => image.Target != target)))
        {
            throw new CliException(images is [{ Target: "" }]
                ? $"target {target} not found. The build is not a bake and has no targets"
                : $"target {target} not found. The available targets are {string.Join(", ", images.Select(image => image.Target))}");
        }

        return targets.Count == 0 ? images : [.. images.Where(image => targets.Contains(image.Target))];
    }
}
