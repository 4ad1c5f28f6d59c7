using System.Security.Cryptography;
using System.Text;

namespace Depot.Cli.Docker;

/// <summary>A layer of an image, under the two names that it has.</summary>
/// <param name="Digest">Of the blob that travels.</param>
/// <param name="Chain">Of its contents and everything below it: the OCI image specification's ChainID.</param>
internal sealed record ImageLayer(string Digest, string Chain)
{
    /// <param name="layers">Lowest first: the blob's digest, and the digest of its uncompressed contents (DiffID).</param>
    public static List<ImageLayer> Stack(IEnumerable<(string Digest, string DiffId)> layers)
    {
        var chained = new List<ImageLayer>();
        foreach (var (digest, diffId) in layers)
        {
            chained.Add(new ImageLayer(digest, chained.Count == 0 ? diffId : Hash($"{chained[^1].Chain} {diffId}")));
        }

        return chained;
    }

    /// <summary>The chains of an image of which only the contents are known.</summary>
    public static IEnumerable<string> Chains(IEnumerable<string> diffIds) => Stack(diffIds.Select(id => ("", id))).Select(layer => layer.Chain);

    private static string Hash(string text) => $"sha256:{Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(text)))}";
}
