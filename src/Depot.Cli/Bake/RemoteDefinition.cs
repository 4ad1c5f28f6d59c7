using System.Text;
using Depot.Cli.Build;
using Slipway.Bake.Definition;
using Slipway.BuildKit.Progress;

namespace Depot.Cli.Bake;

/// <summary>Reads a definition from an address: files of a repository, or one file by http.</summary>
internal static class RemoteDefinition
{
    /// <summary>As buildx has it.</summary>
    private const int BytesMax = 2 << 20;

    public static async Task<IReadOnlyList<BakeFile>> ReadAsync(
        CliContext cli, string url, IReadOnlyList<string> names, RunningVertex step, CancellationToken cancellation) =>
        GitAddress.Parse(url) is { } address
            ? await ReadRepositoryAsync(cli, address, names, step, cancellation)
            : [new BakeFile(url, await ReadHttpAsync(cli, url, cancellation))];

    private static async Task<IReadOnlyList<BakeFile>> ReadRepositoryAsync(
        CliContext cli, GitAddress address, IReadOnlyList<string> names, RunningVertex step, CancellationToken cancellation)
    {
        using var repository = await GitRepository.FetchAsync(cli, address, cancellation);
        var files = new List<BakeFile>();
        foreach (var name in names.Count > 0 ? names : DefinitionFiles.DefaultNames)
        {
            var started = cli.Clock.GetUtcNow();
            if (await repository.ReadAsync(address.PathOf(name), cancellation) is { } text)
            {
                step.Report($"reading {name}", text.Length, text.Length, started, completed: true);
                files.Add(new BakeFile(name, text));
            }
            else if (names.Count > 0)
            {
                throw new CliException($"{name}: no such file in {address.Remote}");
            }
        }

        return files;
    }

    private static async Task<string> ReadHttpAsync(CliContext cli, string url, CancellationToken cancellation)
    {
        var bytes = await new RemoteFile(cli, "failed to read the definition", BytesMax).ReadAsync(url, cancellation);
        return IsArchive(bytes)
            ? throw new CliException($"{url} is an archive; a definition is read from a repository or from one file") { Remedy = "Unpack it, and bake from there." }
            : Encoding.UTF8.GetString(bytes);
    }

    /// <summary>gzip, bzip2, xz, or tar.</summary>
    private static bool IsArchive(ReadOnlySpan<byte> bytes) =>
        bytes.StartsWith((ReadOnlySpan<byte>)[0x1f, 0x8b, 0x08]) || bytes.StartsWith("BZh"u8) || bytes.StartsWith((ReadOnlySpan<byte>)[0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00])
        || (bytes.Length > 262 && bytes[257..262].SequenceEqual("ustar"u8));
}
