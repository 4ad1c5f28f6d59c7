using Dapper;
using Microsoft.Data.Sqlite;
using Slipway.Server.Audit;

namespace Slipway.Server.Storage;

/// <summary>The control plane's state: many readers, one writer, nothing acknowledged before it is on the disk.</summary>
internal sealed class Database : IAsyncDisposable
{
    private readonly string _readerText;
    private readonly GroupCommit _writer;
    private long _rightsVersion;

    private Database(string path)
    {
        Path = path;
        _readerText = new SqliteConnectionStringBuilder { DataSource = path, Mode = SqliteOpenMode.ReadOnly }.ToString();
        _writer = new GroupCommit(path, () => OpenWriter(path));
    }

    public string Path { get; }

    /// <summary>Changes with every change of somebody's rights that this process makes.</summary>
    public long RightsVersion => Volatile.Read(ref _rightsVersion);

    /// <summary>Opens the database in <paramref name="folder"/>, creating or migrating it first.</summary>
    public static Database Open(string folder)
    {
        var path = DataFolder.DatabasePath(folder);
        try
        {
            DemandWritableFile(path);
            Schema.Migrate(path);
            return new Database(path);
        }
        catch (Exception failure) when (failure is SqliteException or IOException or UnauthorizedAccessException)
        {
            throw new StartupException(
                $"cannot open the database {path}: {failure.Message.TrimEnd('.')}; check the folder, or restore a backup", failure);
        }
    }

    /// <summary>Runs a query on a connection that cannot write.</summary>
    public T Read<T>(Func<SqliteConnection, T> query)
    {
        using var connection = new SqliteConnection(_readerText);
        connection.Open();
        return query(connection);
    }

    /// <summary>Runs a write; when the task ends well, it has been committed and flushed.</summary>
    public Task<T> WriteAsync<T>(Func<SqliteConnection, T> write, CancellationToken cancellation) =>
        _writer.ExecuteAsync(write, cancellation);

    /// <summary>As <see cref="WriteAsync{T}"/>, for one statement; returns how many rows it touched.</summary>
    public Task<int> WriteAsync(string statement, object parameters, CancellationToken cancellation) =>
        _writer.ExecuteAsync(connection => connection.Execute(statement, parameters), cancellation);

    /// <summary>As <see cref="WriteAsync{T}"/>, for what changes somebody's rights: nothing that was remembered before counts after it.</summary>
    public Task<T> WriteRightsAsync<T>(Func<SqliteConnection, T> write, CancellationToken cancellation) =>
        _writer.ExecuteAsync(write, cancellation, committed: () => Interlocked.Increment(ref _rightsVersion));

    /// <summary>As above for one statement, with the audit record of what it does in the same transaction.</summary>
    public Task<int> WriteAsync(string statement, object parameters, AuditEntry record, CancellationToken cancellation) =>
        WriteRightsAsync(
            connection =>
            {
                var touched = connection.Execute(statement, parameters);
                AuditStore.Append(connection, record);
                return touched;
            },
            cancellation);

    /// <summary>Throws when the database cannot be read.</summary>
    public void Probe() => Read(connection => connection.ExecuteScalar<long>("SELECT count(*) FROM organizations"));

    public async ValueTask DisposeAsync()
    {
        await _writer.DisposeAsync();
        using var pool = new SqliteConnection(_readerText);
        SqliteConnection.ClearPool(pool);
    }

    internal static SqliteConnection OpenWriter(string path)
    {
        var connection = new SqliteConnection(
            new SqliteConnectionStringBuilder { DataSource = path, Mode = SqliteOpenMode.ReadWrite, Pooling = false }.ToString());
        connection.Open();

        // FULL: with NORMAL a power cut loses acknowledged commits of the WAL (sqlite.org/wal.html, "Performance Considerations").
        connection.Execute(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000;"
            + "PRAGMA journal_size_limit = 67108864;"

            // Ids are random, so that every build changes pages all over: they stay in memory (32 MiB at most) and are copied out of the log in fewer, larger rounds.
            + "PRAGMA cache_size = -32768; PRAGMA wal_autocheckpoint = 4000");
        return connection;
    }

    // Made private if need be. SQLite says "unable to open" whatever the reason, and opens what it may not write for reading.
    private static void DemandWritableFile(string path)
    {
        var options = new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.ReadWrite };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        File.Open(path, options).Dispose();
    }
}
