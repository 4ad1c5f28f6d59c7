namespace Slipway.AcceptanceTests.Bake;

/// <summary>One definition of the corpus: words of the command line, variables, files, and what a fault says.</summary>
/// <remarks>The notation is a header of <c>words:</c>, <c>env: NAME=value</c> and <c>error:</c> lines, then files after <c>-- name --</c>; the name <c>-</c> is standard input.</remarks>
public sealed record BakeCase(string Name)
{
    private const string Mark = "-- ";

    public List<string> Words { get; } = [];

    public Dictionary<string, string?> Environment { get; } = [];

    public Dictionary<string, string> Files { get; } = [];

    public string? Error { get; private set; }

    public string Input => Files.GetValueOrDefault("-", "");

    public static IReadOnlyList<BakeCase> Corpus() =>
        [.. Directory.EnumerateFiles(Path.Combine(Parts.Root, "tests/Slipway.AcceptanceTests/Bake/corpus"), "*.txt").Order(StringComparer.Ordinal).Select(Read)];

    public override string ToString() => Name;

    /// <summary>A folder with the files in it.</summary>
    public WorkFolder Unpack()
    {
        var folder = new WorkFolder();
        foreach (var (name, text) in Files.Where(file => file.Key != "-"))
        {
            folder.With(name, text);
        }

        return folder;
    }

    private static BakeCase Read(string path)
    {
        var read = new BakeCase(Path.GetFileNameWithoutExtension(path));
        string? file = null;
        foreach (var line in File.ReadAllLines(path))
        {
            if (line.StartsWith(Mark, StringComparison.Ordinal) && line.EndsWith(" --", StringComparison.Ordinal))
            {
                file = line[Mark.Length..^Mark.Length];
                read.Files[file] = "";
            }
            else if (file is not null)
            {
                read.Files[file] += line + "\n";
            }
            else
            {
                read.Header(line);
            }
        }

        return read;
    }

    private void Header(string line)
    {
        var (key, value) = (line[..line.IndexOf(':')], line[(line.IndexOf(':') + 1)..].TrimStart());
        switch (key)
        {
            case "words":
                Words.AddRange(value.Split(' '));
                break;
            case "env":
                Environment[value[..value.IndexOf('=')]] = value[(value.IndexOf('=') + 1)..];
                break;
            case "error":
                Error = value;
                break;
            default:
                throw new InvalidOperationException($"{Name}: {line}");
        }
    }
}
