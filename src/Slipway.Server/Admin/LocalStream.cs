using System.Threading.Channels;
using Grpc.Core;

namespace Slipway.Server.Admin;

/// <summary>The two ends of a server stream inside one process.</summary>
internal sealed class LocalStream<T>(CancellationToken cancellation) : IAsyncStreamReader<T>, IServerStreamWriter<T>
{
    private const int Ahead = 256;
    private readonly Channel<T> _messages = Channel.CreateBounded<T>(Ahead);
    private readonly CancellationTokenSource _ended = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
    private Task _writing = Task.CompletedTask;

    public T Current { get; private set; } = default!;

    public WriteOptions? WriteOptions { get; set; }

    public CancellationToken Ended => _ended.Token;

    /// <summary>Runs the handler; <see cref="Stop"/> cancels it.</summary>
    public void Start(Func<IServerStreamWriter<T>, Task> handler) => _writing = RunAsync(handler);

    public void Stop()
    {
        _ended.Cancel();
        _messages.Writer.TryComplete();
    }

    public async Task<bool> MoveNext(CancellationToken cancellationToken)
    {
        if (!await _messages.Reader.WaitToReadAsync(cancellationToken) || !_messages.Reader.TryRead(out var next))
        {
            await _writing;
            return false;
        }

        Current = next;
        return true;
    }

    public Task WriteAsync(T message) => _messages.Writer.WriteAsync(message, Ended).AsTask();

    private async Task RunAsync(Func<IServerStreamWriter<T>, Task> handler)
    {
        try
        {
            await handler(this);
        }
        finally
        {
            _messages.Writer.TryComplete();
        }
    }
}
