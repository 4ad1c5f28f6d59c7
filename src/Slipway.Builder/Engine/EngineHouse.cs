using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Slipway.Builder.Engine;

/// <summary>All engines of this builder, one per project and architecture.</summary>
internal sealed class EngineHouse(IEngineProgram program, BuilderOptions options, ILogger log) : IAsyncDisposable
{
    private readonly ConcurrentDictionary<(string ProjectId, string Architecture), BuildKitDaemon> _daemons = new();

    /// <summary>Projects whose cache lies on this machine's disk.</summary>
    public IEnumerable<EngineFolder> Caches => EngineFolder.Enumerate(options.DataDirectory);

    public BuildKitDaemon Get(string projectId, string architecture) =>
        _daemons.GetOrAdd((projectId, architecture), _ =>
            new BuildKitDaemon(program, new EngineFolder(options.DataDirectory, projectId, architecture), options, log));

    /// <summary>Ends what a killed builder left running. No engine is adopted: its keys and leases are gone.</summary>
    public async Task CleanUpAsync(CancellationToken cancellation)
    {
        foreach (var folder in Caches)
        {
            using var owned = folder.Lock();
            await Leftovers.SweepAsync(folder, log, cancellation);
            await program.CleanUpAsync(folder, cancellation);
        }

        await Task.Run(() => EngineFolder.EmptyTrash(options.DataDirectory), cancellation);
    }

    /// <summary>Deletes a project's caches on every architecture.</summary>
    public async Task ResetAsync(string projectId, CancellationToken cancellation)
    {
        var known = Caches.Where(folder => folder.ProjectId == projectId).Select(folder => folder.Architecture)
            .Concat(_daemons.Keys.Where(key => key.ProjectId == projectId).Select(key => key.Architecture)).Distinct().ToArray();
        foreach (var architecture in known)
        {
            await Get(projectId, architecture).ResetAsync(cancellation);
        }
    }

    public async ValueTask DisposeAsync() =>
        await Task.WhenAll(_daemons.Values.Select(daemon => daemon.DisposeAsync().AsTask()));
}
