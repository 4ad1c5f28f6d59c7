namespace Depot.Cli.ImageTools;

/// <summary>The words of <c>imagetools create</c>.</summary>
internal sealed class CreateImageArguments
{
    public List<string> Annotations { get; } = [];

    public List<string> Files { get; } = [];

    public List<string> Platforms { get; } = [];

    public List<string> Sources { get; } = [];

    public List<string> Tags { get; } = [];

    public bool Append { get; set; }

    public bool DryRun { get; set; }

    public bool PrefersIndex { get; set; } = true;

    public string Progress { get; set; } = "auto";

    /// <exception cref="CliException">Something is missing.</exception>
    public void Check()
    {
        if (Sources.Count == 0 && Files.Count == 0)
        {
            throw new CliException("no sources specified");
        }

        if (!DryRun && Tags.Count == 0)
        {
            throw new CliException("can't push with no tags specified, please set --tag or --dry-run");
        }
    }

    /// <summary>What to make the image of: what is to be appended to, the files' sources, then those that were named.</summary>
    public IReadOnlyList<ImageSource> ReadSources(string folder)
    {
        IEnumerable<string> texts = [.. Files.Select(file => Read(Path.GetFullPath(file, folder))), .. Sources];
        return ImageSource.ParseAll([.. Append && Tags.Count > 0 ? texts.Prepend(Tags[0]) : texts], Tags);
    }

    private static string Read(string file)
    {
        try
        {
            return File.ReadAllText(file).Trim();
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new CliException($"open {file}: {(problem is FileNotFoundException or DirectoryNotFoundException ? "no such file or directory" : problem.Message)}", inner: problem);
        }
    }
}
