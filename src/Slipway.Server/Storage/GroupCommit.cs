using System.Threading.Channels;
using Microsoft.Data.Sqlite;
using Slipway.Contract.Connect;

namespace Slipway.Server.Storage;

/// <summary>The database's only writer: joins the writes that wait into one transaction and answers each after the COMMIT.</summary>
/// <remarks>
/// A COMMIT costs a disk flush whatever it holds, so under load the flush is shared: while one batch commits, the next one gathers.
/// Every write runs in its own savepoint; one that fails takes nothing of its neighbours with it.
/// </remarks>
internal sealed class GroupCommit : IAsyncDisposable
{
    private const int BatchMax = 512;
    private const int QueueMax = 8192;

    // SQLite result codes (sqlite.org/rescode.html).
    private const int SqliteFull = 13;
    private const int SqliteIoError = 10;
    private const int SqliteReadOnly = 8;
    private const int SqliteCannotOpen = 14;

    private readonly string _path;
    private readonly Func<SqliteConnection> _open;
    private readonly Channel<Write> _queue = Channel.CreateBounded<Write>(QueueMax);
    private readonly Task _running;
    private SqliteConnection? _connection;

    public GroupCommit(string path, Func<SqliteConnection> open)
    {
        _path = path;
        _open = open;
        _connection = open();
        _running = Task.Run(RunAsync);
    }

    /// <summary>Runs <paramref name="write"/> in a transaction; the task ends when it has been committed.</summary>
    /// <param name="committed">Runs after the COMMIT and before the task ends, also when the caller has left.</param>
    public async Task<T> ExecuteAsync<T>(Func<SqliteConnection, T> write, CancellationToken cancellation, Action? committed = null)
    {
        var queued = new Write<T>(write, committed);
        await _queue.Writer.WriteAsync(queued, cancellation);

        // A caller that leaves does not undo its write: it may be in the middle of a COMMIT that others share.
        return await queued.Done.Task.WaitAsync(cancellation);
    }

    public async ValueTask DisposeAsync()
    {
        _queue.Writer.TryComplete();
        await _running;
        _connection?.Dispose();
    }

    private async Task RunAsync()
    {
        var batch = new List<Write>(BatchMax);
        while (await _queue.Reader.WaitToReadAsync())
        {
            while (batch.Count < BatchMax && _queue.Reader.TryRead(out var write))
            {
                batch.Add(write);
            }

            Commit(batch);
            batch.Clear();
        }
    }

    private void Commit(List<Write> batch)
    {
        try
        {
            var connection = _connection ??= _open();
            connection.ExecutePrepared("BEGIN IMMEDIATE");
            foreach (var write in batch)
            {
                RunOne(connection, write);
            }

            connection.ExecutePrepared("COMMIT");
        }
        catch (Exception failure)
        {
            Abandon();
            var told = Translate(failure);
            batch.ForEach(write => write.Fail(told));
            return;
        }

        batch.ForEach(write => write.Complete());
    }

    private static void RunOne(SqliteConnection connection, Write write)
    {
        connection.ExecutePrepared("SAVEPOINT one");
        try
        {
            write.Run(connection);
            connection.ExecutePrepared("RELEASE one");
        }
        catch (Exception failure) when (!IsStorageFailure(failure))
        {
            connection.ExecutePrepared("ROLLBACK TO one");
            connection.ExecutePrepared("RELEASE one");
            write.Refuse(failure);
        }
    }

    // After a failed flush nobody knows what the disk holds: the connection's own view of it is thrown away with the connection.
    private void Abandon()
    {
        var poisoned = _connection;
        _connection = null;
        try
        {
            poisoned?.Dispose();
        }
        catch (SqliteException)
        {
            // Closing rolls back; on a full disk even that may be refused, and the next open recovers from the log.
        }
    }

    private Exception Translate(Exception failure) => IsStorageFailure(failure)
        ? new ApiException(
            ConnectCode.ResourceExhausted,
            $"control plane storage is full ({_path})",
            "free space there, then try again",
            failure)
        : failure;

    private static bool IsStorageFailure(Exception failure) =>
        failure is SqliteException { SqliteErrorCode: SqliteFull or SqliteIoError or SqliteReadOnly or SqliteCannotOpen };

    private abstract class Write
    {
        public abstract void Run(SqliteConnection connection);

        public abstract void Refuse(Exception failure);

        public abstract void Fail(Exception failure);

        public abstract void Complete();
    }

    private sealed class Write<T>(Func<SqliteConnection, T> work, Action? committed) : Write
    {
        private T _result = default!;
        private Exception? _refusal;

        public TaskCompletionSource<T> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public override void Run(SqliteConnection connection) => _result = work(connection);

        public override void Refuse(Exception failure) => _refusal = failure;

        public override void Fail(Exception failure) => Done.TrySetException(_refusal ?? failure);

        public override void Complete()
        {
            if (_refusal is { } refusal)
            {
                Done.TrySetException(refusal);
            }
            else
            {
                committed?.Invoke();
                Done.TrySetResult(_result);
            }
        }
    }
}
