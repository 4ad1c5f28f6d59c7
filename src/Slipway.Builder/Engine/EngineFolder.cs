using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Slipway.Contract;

namespace Slipway.Builder.Engine;

/// <summary>Where one (project, architecture) engine lives.</summary>
/// <remarks>
/// <code>
/// DATA/engines/PROJECT-ARCH/        the cache: the engine's own root folder, and nothing else
/// DATA/engines/PROJECT-ARCH.lock    held while an engine runs on it
/// DATA/engines/quarantine-…         a cache that no engine would start on
/// DATA/engines/trash-…              a cache that is being deleted
/// DATA/run/ID/                      sockets, configuration, pid file, log of the run
/// </code>
/// </remarks>
internal sealed class EngineFolder
{
    private const string QuarantinePrefix = "quarantine-";
    private const string TrashPrefix = "trash-";

    /// <summary>Marks of lines (logrus) that do not say why an engine ended.</summary>
    private static readonly string[] Chatter = ["level=warning", "level=info", "level=debug"];

    private readonly string _engines;

    public EngineFolder(string dataDirectory, string projectId, string architecture)
    {
        ProjectId = projectId;
        Architecture = architecture;
        _engines = EnginesOf(dataDirectory);
        Root = Path.Combine(_engines, $"{projectId}-{architecture}");
        // Short, because a Unix socket's path ends at 107 bytes and a network card's name at 15; of the whole path, because several
        // builders may share a machine's networks and cgroups.
        Id = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Path.GetFullPath(Root))))[..8];
        Run = Path.Combine(Path.GetFullPath(dataDirectory), "run", Id);
    }

    public string ProjectId { get; }

    public string Architecture { get; }

    public string Id { get; }

    public string Root { get; }

    public string Run { get; }

    public string Socket => Path.Combine(Run, "engine.sock");

    /// <summary>The socket as an address, whatever characters its path has.</summary>
    public Uri Address => new("unix://" + string.Join('/', Socket.Split('/').Select(Uri.EscapeDataString)));

    public string PidFile => Path.Combine(Run, "engine.pid");

    public string Log => Path.Combine(Run, "engine.log");

    /// <summary>The cgroup below which the engine puts every build step.</summary>
    public string CgroupName => "slipway-" + Id;

    /// <summary>Of the engine's network namespace, and of this machine's end of the way into it.</summary>
    public string NetworkName => "slip" + Id;

    public bool HasCache => Directory.Exists(Root) && Directory.EnumerateFileSystemEntries(Root).Any();

    /// <summary>The caches on this disk.</summary>
    public static IEnumerable<EngineFolder> Enumerate(string dataDirectory)
    {
        var engines = EnginesOf(dataDirectory);
        if (!Directory.Exists(engines))
        {
            yield break;
        }

        foreach (var name in Directory.EnumerateDirectories(engines).Select(path => Path.GetFileName(path)!))
        {
            var dash = name.LastIndexOf('-');
            if (dash > 0 && name[(dash + 1)..] is "amd64" or "arm64"
                && !name.StartsWith(QuarantinePrefix, StringComparison.Ordinal) && !name.StartsWith(TrashPrefix, StringComparison.Ordinal))
            {
                yield return new EngineFolder(dataDirectory, name[..dash], name[(dash + 1)..]);
            }
        }
    }

    /// <summary>Deletes what an interrupted reset left.</summary>
    public static void EmptyTrash(string dataDirectory)
    {
        var engines = EnginesOf(dataDirectory);
        foreach (var path in Directory.Exists(engines) ? Directory.EnumerateDirectories(engines, TrashPrefix + "*") : [])
        {
            Directory.Delete(path, recursive: true);
        }
    }

    public void Create()
    {
        const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        Directory.CreateDirectory(_engines, OwnerOnly);
        Directory.CreateDirectory(Root, OwnerOnly);
        Directory.CreateDirectory(Run, OwnerOnly);
    }

    /// <summary>Takes the lock that keeps a second engine off this root; it ends with the process, however that ends.</summary>
    public IDisposable Lock()
    {
        try
        {
            return new FileStream(Root + ".lock", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
        }
        catch (IOException e)
        {
            throw new EngineException($"the cache of project {ProjectId} is in use by another builder on this machine ({Root}.lock)", e);
        }
    }

    /// <summary>Sets the cache aside.</summary>
    /// <returns>Where it is now.</returns>
    public string Quarantine(DateTimeOffset now)
    {
        var aside = Path.Combine(
            _engines, QuarantinePrefix + Path.GetFileName(Root) + "-" + now.ToString("yyyyMMdd'T'HHmmssfff", CultureInfo.InvariantCulture));
        Directory.Move(Root, aside);
        return aside;
    }

    /// <summary>Takes back a cache that was set aside for nothing.</summary>
    public void Restore(string aside)
    {
        Directory.Delete(Root, recursive: true);
        Directory.Move(aside, Root);
    }

    /// <summary>Deletes the cache. It is out of the way at once, however long deleting takes.</summary>
    public void Delete(DateTimeOffset now)
    {
        if (Directory.Exists(Root))
        {
            var trash = Path.Combine(_engines, TrashPrefix + Id + "-" + now.ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture));
            Directory.Move(Root, trash);
            Directory.Delete(trash, recursive: true);
        }
    }

    /// <summary>The last complaint of the engine, for an error message; empty when it only chatted.</summary>
    public string LastWords()
    {
        try
        {
            using var file = new FileStream(Log, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            file.Position = Math.Max(0, file.Length - 4096);
            using var reader = new StreamReader(file);
            return reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
                .LastOrDefault(said => !Chatter.Any(level => said.Contains(level, StringComparison.Ordinal)), "")
                .Clip(400);
        }
        catch (IOException)
        {
            return "";
        }
    }

    private static string EnginesOf(string dataDirectory) => Path.Combine(Path.GetFullPath(dataDirectory), "engines");
}
