using System.Formats.Tar;

namespace Depot.Cli.Build;

/// <summary>Archives of an image that several builders build: each writes its share into a folder beside the destination, and here they become one.</summary>
/// <remarks><c>oci</c>: both write into one layout, which gets an index of both; <c>tar</c>: every share has its platforms in folders of their own, so that the
/// entries of one follow those of the other. Docker's own archive format holds one platform.</remarks>
internal sealed class OutputAssembly(IReadOnlyList<OutputPlan> outputs) : IDisposable
{
    private readonly Dictionary<OutputPlan, string> _folders = [];

    /// <summary>The outputs of one builder.</summary>
    /// <exception cref="CliException">This output cannot be put together.</exception>
    public IReadOnlyList<OutputPlan> ShareOf(string architecture)
    {
        var shares = outputs.Select(output => ShareOf(output, architecture)).ToList();
        return shares.Count(share => share.Target == OutputTarget.Layout) <= 1
            ? shares
            : throw new CliException("failed to build: several oci outputs are not possible where two builders take part") { Remedy = "Write one, and copy it." };
    }

    /// <summary>Writes the archives.</summary>
    public async Task WriteAsync(CancellationToken cancellation)
    {
        foreach (var (output, folder) in _folders)
        {
            await WriteAsync(output, folder, cancellation);
        }
    }

    public void Dispose()
    {
        foreach (var folder in _folders.Values.Where(Directory.Exists))
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private OutputPlan ShareOf(OutputPlan output, string architecture)
    {
        if (output.Target is not (OutputTarget.File or OutputTarget.StandardOutput))
        {
            return output;
        }

        if (!_folders.TryGetValue(output, out var folder))
        {
            _folders[output] = folder = CreateFolder(output);
        }

        return output.Type switch
        {
            "oci" => output with { Target = OutputTarget.Layout, Destination = folder, Attributes = new(output.Attributes, StringComparer.Ordinal) { ["tar"] = "false" } },
            "tar" => output with { Target = OutputTarget.File, Destination = Path.Combine(folder, $"{architecture}.tar") },
            _ => output,
        };
    }

    private static string CreateFolder(OutputPlan output)
    {
        if (output.Target == OutputTarget.StandardOutput)
        {
            return Directory.CreateTempSubdirectory("depot-").FullName;
        }

        var folder = $"{output.Destination}.{SolveCall.NewIdentifier()}.partial";
        Directory.CreateDirectory(folder);
        return folder;
    }

    private static async Task WriteAsync(OutputPlan output, string folder, CancellationToken cancellation)
    {
        if (output.Target == OutputTarget.StandardOutput)
        {
            await using var console = Console.OpenStandardOutput();
            await WriteAsync(output, folder, console, cancellation);
            return;
        }

        var partial = Path.Combine(folder, "whole");
        await using (var file = File.Create(partial))
        {
            await WriteAsync(output, folder, file, cancellation);
        }

        File.Move(partial, output.Destination, overwrite: true);
    }

    private static Task WriteAsync(OutputPlan output, string folder, Stream destination, CancellationToken cancellation) =>
        output.Type == "oci" ? LayoutArchive.WriteAsync(folder, destination, cancellation) : JoinAsync(folder, destination, cancellation);

    private static async Task JoinAsync(string folder, Stream destination, CancellationToken cancellation)
    {
        await using var joined = new TarWriter(destination, leaveOpen: true);
        foreach (var share in Directory.GetFiles(folder, "*.tar").Order(StringComparer.Ordinal))
        {
            await using var reader = new TarReader(File.OpenRead(share));
            while (await reader.GetNextEntryAsync(copyData: false, cancellation) is { } entry)
            {
                await joined.WriteEntryAsync(entry, cancellation);
            }
        }
    }
}
