using System.Security.Cryptography;

namespace Depot.Cli.Registries;

/// <summary>A manifest or an index as a registry keeps it.</summary>
internal sealed record RegistryDocument(string MediaType, byte[] Content)
{
    public string Digest => $"sha256:{Convert.ToHexStringLower(SHA256.HashData(Content))}";
}
