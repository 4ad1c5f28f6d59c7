using Depot.Cli.Build;
using Slipway.BuildKit.Progress;

namespace Depot.Cli.Registries;

/// <summary>Joins what several builders pushed by digest into one manifest list, and gives it the tags.</summary>
internal sealed class ManifestListPush(RegistryClient registries, VertexWriter steps)
{
    /// <param name="names">The images' names, each with its tag.</param>
    /// <param name="shares">What the exporters of each builder said.</param>
    /// <returns>The same for the whole image.</returns>
    public Task<IReadOnlyDictionary<string, string>> PushAsync(
        IReadOnlyList<string> names, IReadOnlyList<IReadOnlyDictionary<string, string>> shares, CancellationToken cancellation) =>
        steps.RunAsync($"merging manifest list {string.Join(',', names)}", _ => MergeAsync(names, shares, cancellation));

    private async Task<IReadOnlyDictionary<string, string>> MergeAsync(
        IReadOnlyList<string> names, IReadOnlyList<IReadOnlyDictionary<string, string>> shares, CancellationToken cancellation)
    {
        // Every share was pushed to every repository.
        var (host, repository, _) = ImageReference.Locate(names[0]);
        var documents = new List<RegistryDocument>();
        foreach (var share in shares)
        {
            documents.Add(await registries.GetManifestAsync(host, repository, share[BuildResult.ImageDigest], cancellation));
        }

        var list = ManifestList.Merge(documents);
        await Task.WhenAll(names.Select(name => PutAsync(name, list, cancellation)));
        return ManifestList.Describe(list, string.Join(',', names));
    }

    private Task PutAsync(string name, RegistryDocument list, CancellationToken cancellation)
    {
        var (host, repository, tag) = ImageReference.Locate(name);
        return registries.PutManifestAsync(host, repository, tag, list, cancellation);
    }
}
