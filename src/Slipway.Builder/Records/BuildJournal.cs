using System.Collections.Concurrent;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Slipway.Contract.Fleet.V1;

namespace Slipway.Builder.Records;

/// <summary>Which builds came in and which of them are over, on disk: an end is told again and again until the server has it.</summary>
/// <remarks>One file per build and lease, named <c>BUILD.LEASE.ARCHITECTURE</c>, that holds a BuildEnded; its outcome is unspecified while the build runs.</remarks>
internal sealed class BuildJournal(string folder)
{
    private readonly ConcurrentDictionary<(string BuildId, string LeaseId), Entry> _builds = new();

    /// <summary>Builds that are over and not yet acknowledged.</summary>
    public IEnumerable<BuildEnded> Ended => _builds.Values.Select(entry => entry.Build).Where(HasEnded);

    /// <summary>Takes up what an earlier run left. What it had running is lost with its engines.</summary>
    public void Recover(DateTimeOffset now, Func<string, string, long> lastSequenceOf)
    {
        Directory.CreateDirectory(folder);
        foreach (var path in Directory.EnumerateFiles(folder))
        {
            if (path.EndsWith(".new", StringComparison.Ordinal) || TryRead(path) is not { } build)
            {
                File.Delete(path);
                continue;
            }

            if (build.Outcome == BuildEnded.Types.Outcome.Unspecified)
            {
                build.Outcome = BuildEnded.Types.Outcome.EngineLost;
                build.Error = "the builder was restarted while the build was running; run the build again";
                build.EndedAt = Timestamp.FromDateTimeOffset(now);
                build.LastSequence = lastSequenceOf(build.BuildId, Path.GetExtension(path)[1..]);
                DurableFile.Write(path, build.ToByteArray());
            }

            _builds[(build.BuildId, build.LeaseId)] = new Entry(path, build);
        }
    }

    public void Begin(string buildId, string leaseId, string architecture)
    {
        var path = Path.Combine(folder, $"{buildId}.{leaseId}.{architecture}");
        var build = new BuildEnded { BuildId = buildId, LeaseId = leaseId };
        if (_builds.TryAdd((buildId, leaseId), new Entry(path, build)))
        {
            DurableFile.Write(path, build.ToByteArray());
        }
    }

    /// <summary>Replaces what <see cref="Begin"/> wrote.</summary>
    public void End(BuildEnded build)
    {
        var path = _builds[(build.BuildId, build.LeaseId)].Path;
        _builds[(build.BuildId, build.LeaseId)] = new Entry(path, build);
        DurableFile.Write(path, build.ToByteArray());
    }

    /// <summary>The server knows.</summary>
    public void Forget(string buildId, string leaseId)
    {
        if (Find(buildId, leaseId) is not null && _builds.TryRemove((buildId, leaseId), out var entry))
        {
            File.Delete(entry.Path);
        }
    }

    /// <summary>How the build ended; null when it did not, or is not known here.</summary>
    public BuildEnded? Find(string buildId, string leaseId) =>
        _builds.TryGetValue((buildId, leaseId), out var entry) && HasEnded(entry.Build) ? entry.Build : null;

    private static bool HasEnded(BuildEnded build) => build.Outcome != BuildEnded.Types.Outcome.Unspecified;

    private static BuildEnded? TryRead(string path)
    {
        try
        {
            var build = BuildEnded.Parser.ParseFrom(File.ReadAllBytes(path));
            return build.BuildId.Length > 0 && build.LeaseId.Length > 0 ? build : null;
        }
        catch (InvalidProtocolBufferException)
        {
            return null;
        }
    }

    private sealed record Entry(string Path, BuildEnded Build);
}
