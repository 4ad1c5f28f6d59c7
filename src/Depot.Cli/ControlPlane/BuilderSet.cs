using Slipway.BuildKit.Progress;
using Slipway.BuildKit.Proxies;

namespace Depot.Cli.ControlPlane;

/// <summary>The builders of one build: at most one of each architecture, leased when it is first asked for, and shared by every Solve on it.</summary>
internal sealed class BuilderSet(BuildApi api, BuildRecord record, VertexWriter steps, ProxyRules proxies, TimeProvider clock, CancellationToken cancellation) : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Task<BuilderLease>> _leases = new(StringComparer.Ordinal);

    /// <summary>The project that is built, which the names of kept folders begin with.</summary>
    public string ProjectId => record.ProjectId;

    /// <param name="architecture"><c>amd64</c> or <c>arm64</c>.</param>
    public Task<BuilderLease> LeaseAsync(string architecture)
    {
        lock (_gate)
        {
            if (!_leases.TryGetValue(architecture, out var lease))
            {
                _leases[architecture] = lease = BuilderLease.AcquireAsync(api, record, architecture, steps, proxies, clock, _stop.Token);
            }

            return lease;
        }
    }

    /// <summary>Leases several at once; the first that cannot be had is reported without waiting for the others.</summary>
    public async Task<BuilderLease[]> LeaseAsync(IReadOnlyList<string> architectures)
    {
        var leases = architectures.Select(LeaseAsync).ToList();
        await foreach (var lease in Task.WhenEach(leases))
        {
            await lease;
        }

        return await Task.WhenAll(leases);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        foreach (var lease in _leases.Values)
        {
            await ((Task)lease).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (lease.IsCompletedSuccessfully)
            {
                await (await lease).DisposeAsync();
            }
        }

        _stop.Dispose();
    }
}
