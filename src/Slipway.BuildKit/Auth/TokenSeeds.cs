using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Slipway.BuildKit.Auth;

/// <summary>One random number per registry, kept beside Docker's settings in the file that buildx uses too.</summary>
/// <remarks>It keeps an engine that chooses the salt from learning anything about other registries' keys, and it makes the key of one
/// user on one machine the same in every build, so that the engine's cached tokens stay in use.</remarks>
internal sealed class TokenSeeds(string folder, TimeProvider clock) : IDisposable
{
    private const int SeedBytes = 16;
    private const int LockAttemptsMax = 100;

    private static readonly TimeSpan s_lockPause = TimeSpan.FromMilliseconds(20);

    private readonly Dictionary<string, byte[]> _known = [];
    private readonly SemaphoreSlim _turn = new(1, 1);

    private string PathOfSeeds => Path.Combine(folder, ".token_seed");

    /// <summary>The registry's seed; where the folder cannot be written, it holds for this process only.</summary>
    public async Task<byte[]> GetAsync(string host, CancellationToken cancellation)
    {
        await _turn.WaitAsync(cancellation);
        try
        {
            if (!_known.TryGetValue(host, out var seed))
            {
                _known[host] = seed = await LoadOrMakeAsync(host, cancellation);
            }

            return seed;
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Dispose() => _turn.Dispose();

    private async Task<byte[]> LoadOrMakeAsync(string host, CancellationToken cancellation)
    {
        using var held = await LockAsync(cancellation);
        var seeds = Read();
        if (Find(seeds, host) is { } kept)
        {
            return kept;
        }

        var seed = RandomNumberGenerator.GetBytes(SeedBytes);
        seeds[host] = new JsonObject { ["Seed"] = Convert.ToBase64String(seed) };
        Write(seeds);
        return seed;
    }

    /// <summary>flock(2) on the file that buildx locks; null where that is not possible, which costs at worst a cached token.</summary>
    private async Task<FileStream?> LockAsync(CancellationToken cancellation)
    {
        for (var attempt = 0; attempt < LockAttemptsMax; attempt++)
        {
            try
            {
                Directory.CreateDirectory(folder);
                return new FileStream(PathOfSeeds + ".lock", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
            }
            catch (IOException) when (Directory.Exists(folder))
            {
                await Task.Delay(s_lockPause, clock, cancellation);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                return null;
            }
        }

        return null;
    }

    private JsonObject Read()
    {
        try
        {
            return JsonNode.Parse(File.ReadAllText(PathOfSeeds)) as JsonObject ?? [];
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            // Not there yet, or cut off by a crash: begun anew.
            return [];
        }
    }

    private void Write(JsonObject seeds)
    {
        try
        {
            var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
            if (!OperatingSystem.IsWindows())
            {
                options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            }

            using var file = new StreamWriter(PathOfSeeds, options);
            file.Write(seeds.ToJsonString());
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A read-only home: the seed lives as long as this process.
        }
    }

    private static byte[]? Find(JsonObject seeds, string host)
    {
        try
        {
            return (string?)(seeds[host] as JsonObject)?["Seed"] is { Length: > 0 } text ? Convert.FromBase64String(text) : null;
        }
        catch (Exception e) when (e is FormatException or InvalidOperationException)
        {
            return null;
        }
    }
}
