using System.Security.Cryptography;
using Depot.Cli.Flags;
using Slipway.BuildKit.Content;
using Slipway.BuildKit.Upload;

namespace Depot.Cli.Build;

/// <summary>Where a build's files come from, checked as far as this machine can: the context, the Dockerfile, the named contexts.</summary>
/// <remarks>Everything here happens before the server hears of the build, so that a typing error costs nothing and leaves no record.</remarks>
internal sealed class BuildInputs : IDisposable
{
    private const string LayoutScheme = "oci-layout://";

    /// <summary>As buildx has it.</summary>
    private const int DockerfileBytesMax = 512 * 1024;

    private readonly RemoteFile _remoteDockerfile;
    private readonly List<string> _temporary = [];

    /// <summary>Folders that the session offers, by the name under which BuildKit asks for them.</summary>
    public Dictionary<string, string> Folders { get; } = new(StringComparer.Ordinal);

    /// <summary>What the frontend is told about them.</summary>
    public Dictionary<string, string> Attributes { get; } = new(StringComparer.Ordinal);

    /// <summary>Folders of named contexts, by the name the user gave: each has its own shared key.</summary>
    public Dictionary<string, string> NamedFolders { get; } = new(StringComparer.Ordinal);

    /// <summary>OCI layouts of this machine that the builder may read from, by the id under which it asks.</summary>
    public Dictionary<string, OciLayout> Layouts { get; } = new(StringComparer.Ordinal);

    /// <summary>The context's own folder, when it is one.</summary>
    public string? ContextFolder { get; private set; }

    /// <summary>The whole path of the Dockerfile, when it is a file of the user's.</summary>
    public string? DockerfilePath { get; private set; }

    /// <summary>The archive on standard input, when it is the context.</summary>
    public StdinContext? UploadedContext { get; private set; }

    private BuildInputs(RemoteFile remoteDockerfile) => _remoteDockerfile = remoteDockerfile;

    public static async Task<BuildInputs> ResolveAsync(CliContext cli, BuildArguments arguments, Stream standardInput, CancellationToken cancellation)
    {
        var inputs = new BuildInputs(new RemoteFile(cli, "failed to read dockerfile", DockerfileBytesMax));
        try
        {
            await inputs.ResolveContextAsync(arguments, cli.WorkingFolder, standardInput, cancellation);
            inputs.ResolveNamedContexts(arguments.BuildContexts, cli.WorkingFolder);
            return inputs;
        }
        catch
        {
            inputs.Dispose();
            throw;
        }
    }

    /// <summary>Keeps an archive until the build's end, for several engines to read.</summary>
    public async Task<Func<Stream>> KeepArchiveAsync(StdinContext archive, CancellationToken cancellation)
    {
        var path = Path.Combine(MakeTemporaryFolder(), "context");
        await using (var content = archive.Open())
        await using (var file = OwnerOnly.CreateFile(path))
        {
            await content.CopyToAsync(file, cancellation);
        }

        return () => File.OpenRead(path);
    }

    private async Task ResolveContextAsync(BuildArguments arguments, string workingFolder, Stream input, CancellationToken cancellation)
    {
        var context = arguments.Context;
        if (context.Length == 0)
        {
            throw new CliException("please specify build context (e.g. \".\" for the current directory)");
        }

        var folder = Path.GetFullPath(context, workingFolder);
        if (context == "-")
        {
            await ResolveStandardInputAsync(arguments.File, input, cancellation);
        }
        else if (Directory.Exists(folder))
        {
            await UseFolderAsync(folder, arguments.File, workingFolder, input, cancellation);
        }
        else if (RemoteSource.IsRemote(context))
        {
            await UseRemoteAsync(context, arguments.File, input, cancellation);
        }
        else
        {
            throw new CliException($"unable to prepare context: path {GoText.Quote(context)} not found");
        }
    }

    private async Task ResolveStandardInputAsync(string file, Stream input, CancellationToken cancellation)
    {
        if (file == "-")
        {
            throw new CliException("invalid argument: can't use stdin for both build context and dockerfile");
        }

        var piped = await StdinContext.ReadAsync(input, cancellation);
        if (piped.IsEmpty)
        {
            throw new CliException("unable to prepare context: standard input is empty")
            {
                Remedy = "Pipe a tar archive or a Dockerfile into the command.",
            };
        }

        if (piped.IsArchive)
        {
            UploadedContext = piped;
            Attributes["filename"] = file.Length == 0 ? "Dockerfile" : file;
            return;
        }

        if (file.Length > 0)
        {
            throw new CliException("ambiguous Dockerfile source: both stdin and flag correspond to Dockerfiles");
        }

        Folders["context"] = MakeTemporaryFolder();
        await UseDockerfileFromAsync(piped.Open(), cancellation);
    }

    private async Task UseFolderAsync(string folder, string file, string workingFolder, Stream input, CancellationToken cancellation)
    {
        CheckReadable(folder);
        ContextFolder = folder;
        Folders["context"] = folder;
        if (file == "-")
        {
            await UseDockerfileFromAsync(input, cancellation);
        }
        else if (RemoteSource.IsHttp(file))
        {
            await UseDockerfileAtAsync(file, cancellation);
        }
        else
        {
            UseDockerfile(file.Length == 0 ? Path.Combine(folder, "Dockerfile") : Path.GetFullPath(file, workingFolder), file);
        }
    }

    private async Task UseRemoteAsync(string context, string file, Stream input, CancellationToken cancellation)
    {
        Attributes["context"] = context;
        if (RemoteSource.HasGitQuery(context))
        {
            AddCapability("moby.buildkit.frontend.gitquerystring");
        }

        if (file == "-")
        {
            await UseDockerfileFromAsync(input, cancellation);
        }
        else if (RemoteSource.IsHttp(file))
        {
            await UseDockerfileAtAsync(file, cancellation);
        }
        else if (Path.IsPathRooted(file))
        {
            UseDockerfile(file, file);
            Attributes["dockerfilekey"] = "dockerfile";
        }
        else
        {
            Attributes["filename"] = file.Length == 0 ? "Dockerfile" : file;
        }
    }

    /// <summary>A Dockerfile on standard input becomes a file of its own folder, which ends with the build.</summary>
    private async Task UseDockerfileFromAsync(Stream input, CancellationToken cancellation)
    {
        var folder = MakeTemporaryFolder();
        var path = Path.Combine(folder, "Dockerfile");
        await using (var file = OwnerOnly.CreateFile(path))
        {
            await input.CopyToAsync(file, cancellation);
        }

        CheckDockerfile(path, "the Dockerfile");

        Folders["dockerfile"] = folder;
        Attributes["dockerfilekey"] = "dockerfile";
        Attributes["filename"] = "Dockerfile";
    }

    private async Task UseDockerfileAtAsync(string url, CancellationToken cancellation) =>
        await UseDockerfileFromAsync(new MemoryStream(await _remoteDockerfile.ReadAsync(url, cancellation)), cancellation);

    private void UseDockerfile(string path, string written)
    {
        path = WithLowerCaseFallback(path);
        CheckDockerfile(path, written.Length == 0 ? Path.GetFileName(path) : written);
        DockerfilePath = path;
        Folders["dockerfile"] = Path.GetDirectoryName(path)!;
        Attributes["filename"] = Path.GetFileName(path);
    }

    /// <summary>A lone <c>dockerfile</c> serves where <c>Dockerfile</c> is meant, as in Docker since its beginnings.</summary>
    private static string WithLowerCaseFallback(string path)
    {
        if (Path.GetFileName(path) != "Dockerfile" || File.Exists(path))
        {
            return path;
        }

        var lower = Path.Combine(Path.GetDirectoryName(path)!, "dockerfile");
        return File.Exists(lower) ? lower : path;
    }

    private static void CheckReadable(string folder)
    {
        try
        {
            using var entries = Directory.EnumerateFileSystemEntries(folder).GetEnumerator();
            entries.MoveNext();
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new CliException($"unable to prepare context: open {folder}: {Reason(problem)}", inner: problem)
            {
                Remedy = "The build needs to read this folder.",
            };
        }
    }

    private static void CheckDockerfile(string path, string written)
    {
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            DockerfileText.Check(file, written);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            var reason = Directory.Exists(path) ? "is a directory" : Reason(problem);
            throw new CliException($"failed to solve: failed to read dockerfile: open {written}: {reason}", inner: problem)
            {
                Remedy = reason == "no such file or directory"
                    ? $"There is no Dockerfile at {path}; name one with --file."
                    : $"The Dockerfile is {path}; name another one with --file.",
            };
        }
    }

    private static string Reason(Exception problem) => problem switch
    {
        FileNotFoundException or DirectoryNotFoundException => "no such file or directory",
        UnauthorizedAccessException => "permission denied",
        _ => problem.Message,
    };

    private void ResolveNamedContexts(IEnumerable<string> values, string workingFolder)
    {
        foreach (var (name, source) in NamedContexts(values))
        {
            AddCapability("moby.buildkit.frontend.contexts+forward");
            if (RemoteSource.IsRemote(source) || source.StartsWith("docker-image://", StringComparison.Ordinal))
            {
                Attributes[$"context:{name}"] = source;
                if (RemoteSource.HasGitQuery(source))
                {
                    AddCapability("moby.buildkit.frontend.gitquerystring+forward");
                }

                continue;
            }

            if (source.StartsWith(LayoutScheme, StringComparison.Ordinal))
            {
                UseLayout(name, source, workingFolder);
            }
            else
            {
                UseNamedFolder(name, source, Path.GetFullPath(source, workingFolder));
            }
        }
    }

    /// <summary><c>oci-layout://FOLDER[:TAG][@DIGEST]</c>.</summary>
    private void UseLayout(string name, string source, string workingFolder)
    {
        var parts = source[LayoutScheme.Length..].Split('@', 2);
        var place = parts[0].Split(':', 2);
        var layout = new OciLayout(Path.GetFullPath(place[0], workingFolder));
        var digest = parts.Length == 2 ? parts[1] : Resolve(layout, place.Length == 2 ? place[1] : "latest", source);
        var store = SolveCall.NewIdentifier();
        Layouts[$"oci:{store}"] = layout;
        Attributes[$"context:{name}"] = $"{LayoutScheme}{store}@{digest}";
    }

    private static string Resolve(OciLayout layout, string tag, string source)
    {
        try
        {
            return layout.FindDigest(tag) ?? throw new CliException($"oci-layout reference {GoText.Quote(source)} could not be resolved: failed to resolve digest")
            {
                Remedy = $"There is no image {GoText.Quote(tag)} in {Path.Combine(layout.Folder, "index.json")}; name another tag with :TAG, or a digest with @sha256:….",
            };
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new CliException($"oci-layout reference {GoText.Quote(source)} could not be resolved: {Reason(problem)}", inner: problem)
            {
                Remedy = $"An OCI layout has an index.json; {layout.Folder} has none that can be read.",
            };
        }
    }

    /// <summary>Reads <c>--build-context name=source</c>; a name may be an image reference.</summary>
    internal static IReadOnlyDictionary<string, string> NamedContexts(IEnumerable<string> values)
    {
        var contexts = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var value in values.Where(value => value.Length > 0))
        {
            var equals = value.IndexOf('=', StringComparison.Ordinal);
            if (equals < 0)
            {
                throw new CliException($"invalid context value: {value}, expected key=value");
            }

            var (familiar, problem) = ImageReference.Normalize(value[..equals]);
            var name = familiar ?? throw new CliException($"invalid context name {value[..equals]}: {problem}");
            contexts[name.EndsWith(":latest", StringComparison.Ordinal) ? name[..^":latest".Length] : name] = value[(equals + 1)..];
        }

        return contexts;
    }

    private void UseNamedFolder(string name, string written, string folder)
    {
        if (written.StartsWith("target:", StringComparison.Ordinal))
        {
            throw new CliException($"failed to find target {written["target:".Length..]} for context {name}")
            {
                Remedy = "Only bake's targets can build on each other; see `depot bake`.",
            };
        }

        if (!Directory.Exists(folder))
        {
            throw File.Exists(folder)
                ? new CliException($"failed to get build context path {written}: not a directory")
                : new CliException($"failed to get build context {name}: stat {written}: no such file or directory");
        }

        CheckReadable(folder);
        var local = name is "context" or "dockerfile" ? "_" + name : name;
        Folders[local] = folder;
        NamedFolders[name] = folder;
        Attributes[$"context:{name}"] = $"local:{local}";
    }

    private void AddCapability(string name)
    {
        var known = Attributes.GetValueOrDefault("frontend.caps");
        Attributes["frontend.caps"] = known is null ? name
            : string.Join(',', known.Split(',').Append(name).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal));
    }

    private string MakeTemporaryFolder()
    {
        var folder = Path.Combine(Path.GetTempPath(), $"depot-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8))}");
        OwnerOnly.CreateFolder(folder);
        _temporary.Add(folder);
        return folder;
    }

    public void Dispose()
    {
        foreach (var folder in _temporary)
        {
            try
            {
                Directory.Delete(folder, recursive: true);
            }
            catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
            {
                // The system clears its temporary folder; the build's result does not depend on it.
            }
        }
    }
}
