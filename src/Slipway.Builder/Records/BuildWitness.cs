using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Slipway.Builder.Access;
using Slipway.BuildKit.Grpc;
using Slipway.Contract.Fleet.V1;

namespace Slipway.Builder.Records;

/// <summary>Sees what builds do and tells the server: their steps and log lines, and how they ended.</summary>
/// <remarks>The proxy calls it and is never held up by it. What the client says about its own build plays no part.</remarks>
internal sealed class BuildWitness(LeaseGate gate, SpoolShelf shelf, BuildJournal journal, TimeProvider clock, ILogger<BuildWitness> log)
    : IAsyncDisposable
{
    private readonly ConcurrentDictionary<(string BuildId, string LeaseId), BuildWatch> _watches = new();

    /// <summary>Called when a build's client holds its first open connection.</summary>
    public Action<BuildAdmission> Connected { get; set; } = _ => { };

    /// <summary>Called when a build is over and its end is on disk.</summary>
    public Action<BuildEnded> Ended { get; set; } = _ => { };

    /// <summary>Builds whose client has connected and which are not over.</summary>
    public IEnumerable<BuildAdmission> Running => _watches.Values.Select(watch => watch.Admission);

    public void ConnectionOpened(BuildAdmission b)
    {
        b.CountConnection(+1);
        var watch = _watches.GetOrAdd((b.BuildId, b.LeaseId), _ => new BuildWatch(b, gate.FindLease(b.LeaseId), shelf, clock, End, log));
        if (watch.ConnectionOpened())
        {
            WriteDown(b, () => journal.Begin(b.BuildId, b.LeaseId, b.Architecture));
            log.LogInformation("build {Build}: connected to project {Project} on {Architecture}", b.BuildId, b.ProjectId, b.Architecture);
            Connected(b);
        }
    }

    public void ConnectionClosed(BuildAdmission b)
    {
        b.CountConnection(-1);
        Find(b)?.ConnectionClosed();
    }

    /// <summary>Called before the Solve is passed on: the engine keeps a Status call waiting for a solve that comes 6 s later,
    /// but forgets a short internal solve as soon as it is over.</summary>
    public void SolveStarted(BuildAdmission b, string reference) => Find(b)?.SolveStarted(reference);

    public void SolveEnded(BuildAdmission b, string reference, GrpcStatusCode code, string message) =>
        Find(b)?.SolveEnded(reference, code, message);

    /// <summary>Ends every build that still runs, as lost with this builder.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var watch in _watches.Values)
        {
            await watch.DisposeAsync();
        }
    }

    private BuildWatch? Find(BuildAdmission b) => _watches.GetValueOrDefault((b.BuildId, b.LeaseId));

    private void End(BuildWatch watch, BuildEnded ended)
    {
        var b = watch.Admission;
        // From here on its certificate opens nothing: a client that comes back would build unseen.
        gate.Remove(b.BuildId, b.LeaseId);
        WriteDown(b, () => journal.End(ended));
        _watches.TryRemove((b.BuildId, b.LeaseId), out _);
        log.LogInformation("build {Build}: over ({Outcome})", b.BuildId, ended.Outcome);
        Ended(ended);
    }

    /// <summary>A full disk must not fail a build: what cannot be written down is lost only if this process dies before the server knows.</summary>
    private void WriteDown(BuildAdmission b, Action write)
    {
        try
        {
            write();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            log.LogError("build {Build}: its state cannot be written: {Error}", b.BuildId, e.Message);
        }
    }
}
