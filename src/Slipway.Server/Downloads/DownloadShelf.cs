using Slipway.Server.Storage;

namespace Slipway.Server.Downloads;

/// <summary>The folder of the client's archives, as it is found when the server starts.</summary>
/// <remarks>
/// <c>SHA256SUMS</c> says what there is, oldest version first: the installer trusts nothing else, so neither does the server.
/// <c>SHA256SUMS.sig</c> is its signature, and <c>signing-key.pem</c> the public key that the install script then insists on. The private
/// key has no place on this machine.
/// </remarks>
internal sealed class DownloadShelf
{
    public const string SumsFile = "SHA256SUMS";
    public const string SignatureFile = "SHA256SUMS.sig";
    public const string KeyFile = "signing-key.pem";

    private readonly string? _folder;

    private DownloadShelf(string? folder, IReadOnlyList<ClientArchive> archives, string? signingKey)
    {
        _folder = folder;
        Archives = archives;
        SigningKey = signingKey;
    }

    /// <summary>Oldest version first.</summary>
    public IReadOnlyList<ClientArchive> Archives { get; }

    public string? SigningKey { get; }

    /// <exception cref="StartupException">The folder is there and cannot be read.</exception>
    public static DownloadShelf Open(string? folder)
    {
        try
        {
            return folder is not null && File.Exists(Path.Combine(folder, SumsFile)) ? Read(folder) : new DownloadShelf(null, [], null);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new StartupException($"the downloads folder {folder} cannot be read: {failure.Message}", failure);
        }
    }

    /// <summary>The archive for a machine; <c>latest</c> is the newest.</summary>
    public ClientArchive? Find(string system, string processor, string version) => Archives.LastOrDefault(
        archive => archive.IsFor(system, processor) && (version == "latest" || archive.Version == version.TrimStart('v')));

    /// <summary>The path of one of the files that anybody may fetch; null for any other name.</summary>
    public string? PathOf(string file)
    {
        if (_folder is null || !(file is SumsFile or SignatureFile or KeyFile || Archives.Any(archive => archive.File == file)))
        {
            return null;
        }

        var path = Path.Combine(_folder, file);
        return File.Exists(path) ? path : null;
    }

    /// <summary>What there is, in words.</summary>
    public string Describe() => Archives.Count == 0
        ? "no downloads of depot"
        : "depot for " + string.Join(", ", Archives.Select(archive => $"{archive.System}/{archive.Processor} ({archive.Version})"));

    private static DownloadShelf Read(string folder)
    {
        var archives = File.ReadLines(Path.Combine(folder, SumsFile))
            .Select(line => line.Split("  ") is [_, var file] ? ClientArchive.Parse(file) : null)
            .OfType<ClientArchive>()
            .Where(archive => File.Exists(Path.Combine(folder, archive.File)));
        var key = Path.Combine(folder, KeyFile);
        return new DownloadShelf(Path.GetFullPath(folder), [.. archives], File.Exists(key) ? File.ReadAllText(key).Trim() : null);
    }
}
