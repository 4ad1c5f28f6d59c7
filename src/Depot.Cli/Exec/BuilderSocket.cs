using System.Net.Sockets;
using Depot.Cli.ControlPlane;

namespace Depot.Cli.Exec;

/// <summary>A place of this machine that leads to a builder: each connection to it becomes one of the build's own.</summary>
internal sealed class BuilderSocket : IAsyncDisposable
{
    private const int CopyBytes = 256 * 1024;

    private readonly BuilderLease _builder;
    private readonly IOwnListener _listener;
    private readonly CancellationTokenSource _stop;
    private readonly Lock _gate = new();
    private readonly HashSet<Task> _connections = [];
    private readonly Task _accepting;

    private BuilderSocket(BuilderLease builder, IOwnListener listener, CancellationToken cancellation)
    {
        (_builder, _listener) = (builder, listener);
        _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        _accepting = AcceptAsync();
    }

    /// <summary>As <c>BUILDKIT_HOST</c> takes it.</summary>
    public string Address => _listener.Address;

    public static BuilderSocket Open(BuilderLease builder, CancellationToken cancellation) =>
        new(builder, OperatingSystem.IsWindows() ? new PipeListener() : UnixListener.Open(), cancellation);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        await _accepting;
        Task[] open;
        lock (_gate)
        {
            open = [.. _connections];
        }

        await Task.WhenAll(open);
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                Track(JoinAsync(await _listener.AcceptAsync(_stop.Token)));
            }
        }
        catch (Exception problem) when (problem is OperationCanceledException or SocketException or IOException or ObjectDisposedException)
        {
            // The command has ended.
        }
    }

    private void Track(Task connection)
    {
        lock (_gate)
        {
            _connections.Add(connection);
        }

        _ = connection.ContinueWith(ended =>
        {
            lock (_gate)
            {
                _connections.Remove(ended);
            }
        }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    private async Task JoinAsync(Stream client)
    {
        await using var near = client;
        try
        {
            await using var far = await _builder.DialAsync(_stop.Token);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);

            // HTTP/2 says goodbye inside: when one side has ended, nothing of use comes from the other.
            await Task.WhenAny(SendAsync(near, far, either.Token), far.CopyToAsync(near, CopyBytes, either.Token));
            await either.CancelAsync();
        }
        catch (Exception problem) when (problem is IOException or SocketException or OperationCanceledException or BuilderUnreachableException or CliException)
        {
            // The client sees its connection close, and says so.
        }
    }

    // The way to the builder gathers what is written until it is told to send.
    private static async Task SendAsync(Stream near, Stream far, CancellationToken cancellation)
    {
        var buffer = new byte[CopyBytes];
        int count;
        while ((count = await near.ReadAsync(buffer, cancellation)) > 0)
        {
            await far.WriteAsync(buffer.AsMemory(0, count), cancellation);
            await far.FlushAsync(cancellation);
        }
    }
}
