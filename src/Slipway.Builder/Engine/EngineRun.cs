using Slipway.BuildKit.Control;
using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Http2;
using Slipway.BuildKit.Wire.Control;

namespace Slipway.Builder.Engine;

/// <summary>One life of an engine, from its first answer to its end, with the builder's own connection to it.</summary>
internal sealed class EngineRun(EngineProcess? process, Func<CancellationToken, Task<Stream>> dial) : IAsyncDisposable
{
    private readonly CancellationTokenSource _lost = new();
    private readonly SemaphoreSlim _turn = new(1, 1);
    private GrpcChannel? _channel;

    public EngineProcess? Process { get; } = process;

    /// <summary>Fires when the engine dies without having been told to.</summary>
    public CancellationToken Lost => _lost.Token;

    /// <summary>What the engine builds for, natively or not, by its last answer.</summary>
    public IReadOnlyList<string> Architectures { get; private set; } = [];

    /// <summary>The engine's own architecture first, as BuildKit lists them.</summary>
    public static string[] ArchitecturesOf(IEnumerable<WorkerRecord> workers) =>
        [.. workers.SelectMany(worker => worker.Platforms).Where(platform => platform.OS == "linux").Select(platform => platform.Architecture).Distinct()];

    /// <summary>Whether the engine answers with at least one worker.</summary>
    public async Task<bool> ProbeAsync(CancellationToken cancellation)
    {
        var control = await ControlAsync(cancellation);
        var workers = (await control.ListWorkersAsync(cancellation)).Record;
        Architectures = ArchitecturesOf(workers);
        return workers.Count > 0;
    }

    public void Lose() => _lost.Cancel();

    /// <summary>The builder's own connection; opened again when it broke.</summary>
    public async ValueTask<ControlClient> ControlAsync(CancellationToken cancellation)
    {
        if (_channel is { Completion.IsCompleted: false } open)
        {
            return new ControlClient(open);
        }

        await _turn.WaitAsync(cancellation);
        try
        {
            if (_channel is { Completion.IsCompleted: false } opened)
            {
                return new ControlClient(opened);
            }

            if (_channel is not null)
            {
                await _channel.DisposeAsync();
            }

            _channel = GrpcChannel.Start(await dial(cancellation), "http", "engine", new Http2Options());
            return new ControlClient(_channel);
        }
        finally
        {
            _turn.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_channel is not null)
        {
            await _channel.DisposeAsync();
        }

        Process?.Dispose();
        _turn.Dispose();
    }
}
