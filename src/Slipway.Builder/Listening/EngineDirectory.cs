using System.Collections.Concurrent;
using Slipway.Builder.Access;
using Slipway.Builder.Proxying;
using Slipway.Builder.Records;
using Slipway.BuildKit.Control;
using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Http2;
using Slipway.BuildKit.Wire.Control;

namespace Slipway.Builder.Listening;

/// <summary>What the proxy keeps per lease: who owns what on its engine, and the policy of its methods.</summary>
internal sealed class EngineDirectory(LeaseGate gate, BuildWitness witness, TimeProvider clock)
{
    /// <summary>Clients ask for the workers to see whether the engine is there; it was dialled for this very connection.</summary>
    private static readonly TimeSpan WorkersKept = TimeSpan.FromSeconds(30);

    private readonly ConcurrentDictionary<string, Entry> _engines = new(StringComparer.Ordinal);

    public (BuildScope Scope, MethodPolicy Policy) Enter(BuildAdmission admission)
    {
        foreach (var leaseId in _engines.Keys.Where(leaseId => gate.FindLease(leaseId) is null))
        {
            _engines.TryRemove(leaseId, out _);
        }

        var engine = _engines.GetOrAdd(admission.LeaseId, leaseId => new Entry(leaseId, gate, witness, clock));
        return (engine.Scope.Enter(admission), engine.Policy);
    }

    private sealed class Entry
    {
        private readonly string _leaseId;
        private readonly LeaseGate _gate;
        private readonly TimeProvider _clock;
        private volatile Known? _known;

        public Entry(string leaseId, LeaseGate gate, BuildWitness witness, TimeProvider clock)
        {
            (_leaseId, _gate, _clock) = (leaseId, gate, clock);
            Scope = new EngineScope(clock);
            Policy = new MethodPolicy(new EnginePolicy
            {
                ListWorkers = ListWorkersAsync,
                SolveStarted = witness.SolveStarted,
                SolveEnded = witness.SolveEnded,
            });
        }

        public EngineScope Scope { get; }

        public MethodPolicy Policy { get; }

        private async ValueTask<ListWorkersResponse> ListWorkersAsync(CancellationToken cancellation)
        {
            if (_known is { } known && _clock.GetElapsedTime(known.Since) < WorkersKept)
            {
                return known.Workers;
            }

            var transport = await _gate.DialEngineAsync(_leaseId, cancellation);
            await using var channel = GrpcChannel.Start(transport, "http", "engine", new Http2Options { Clock = _clock });
            var workers = await new ControlClient(channel).ListWorkersAsync(cancellation);
            _known = new Known(workers, _clock.GetTimestamp());
            return workers;
        }
    }

    private sealed record Known(ListWorkersResponse Workers, long Since);
}
