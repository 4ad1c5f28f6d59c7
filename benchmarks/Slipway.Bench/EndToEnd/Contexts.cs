namespace Slipway.Bench.EndToEnd;

/// <summary>Folders to build from. Their contents are the same in every run.</summary>
internal static class Contexts
{
    /// <summary>One large file that does not compress.</summary>
    public static string OneFile(string folder, long bytes)
    {
        WriteDockerfile(folder);
        using var file = File.Create(Path.Combine(folder, "big"));
        var random = new Random(1);
        var block = new byte[1 << 20];
        for (var left = bytes; left > 0; left -= block.Length)
        {
            random.NextBytes(block);
            file.Write(block);
        }

        return folder;
    }

    /// <summary>50,000 files of 4 KiB.</summary>
    public static string ManyFiles(string folder)
    {
        WriteDockerfile(folder);
        var random = new Random(1);
        var block = new byte[4096];
        foreach (var directory in Enumerable.Range(0, 500))
        {
            var below = Directory.CreateDirectory(Path.Combine(folder, $"directory-{directory:000}")).FullName;
            foreach (var file in Enumerable.Range(0, 100))
            {
                random.NextBytes(block);
                File.WriteAllBytes(Path.Combine(below, $"file-{file:00}"), block);
            }
        }

        return folder;
    }

    /// <summary>32 MiB of C#: the files of <paramref name="sources"/> again and again.</summary>
    public static string SourceCode(string folder, string sources)
    {
        WriteDockerfile(folder);
        var left = 32 << 20;
        for (var copy = 0; left > 0; copy++)
        {
            foreach (var source in Directory.EnumerateFiles(sources, "*.cs", SearchOption.AllDirectories).Order(StringComparer.Ordinal).TakeWhile(_ => left > 0))
            {
                var path = Path.Combine(folder, $"copy-{copy}", Path.GetRelativePath(sources, source));
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                File.Copy(source, path);
                left -= (int)new FileInfo(path).Length;
            }
        }

        return folder;
    }

    /// <summary>Makes the folder a work tree; nothing need be committed for a client to see one.</summary>
    public static async Task MakeRepositoryAsync(string folder, CancellationToken cancellation)
    {
        await File.WriteAllTextAsync(Path.Combine(folder, ".dockerignore"), ".git\n", cancellation);
        var nothing = new Dictionary<string, string>();
        await Measured.RunPlainlyAsync(new Command("git", ["-C", folder, "init", "--quiet"], nothing), cancellation);
        await Measured.RunPlainlyAsync(new Command("git", ["-C", folder, "remote", "add", "origin", "https://git.example.com/bench.git"], nothing), cancellation);
    }

    /// <summary>Dates every file anew.</summary>
    public static void Touch(string folder)
    {
        var now = TimeProvider.System.GetUtcNow().UtcDateTime;
        foreach (var file in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
        {
            File.SetLastWriteTimeUtc(file, now);
        }
    }

    private static void WriteDockerfile(string folder) => File.WriteAllText(Path.Combine(folder, "Dockerfile"), "FROM scratch\nCOPY . /\n");
}
