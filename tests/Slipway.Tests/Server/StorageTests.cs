using Dapper;
using Grpc.Core;
using Microsoft.Data.Sqlite;
using Slipway.Contract.Connect;
using Slipway.Server;
using Slipway.Server.Storage;
using Slipway.Tests.Server.Support;
using Xunit;

namespace Slipway.Tests.Server;

/// <summary>The database's writer, the folder's lock, and the tools around them.</summary>
public sealed class StorageTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("slipway-test-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_write_that_fails_takes_nothing_of_its_neighbours_with_it()
    {
        await using var writer = Writer();
        var answers = await Task.WhenAll(Enumerable.Range(0, 200).Select(async i =>
        {
            try
            {
                await writer.ExecuteAsync(
                    connection =>
                    {
                        connection.Execute("INSERT INTO t (id, half) VALUES (@i, 1)", new { i });
                        return i % 3 == 0 ? throw new InvalidOperationException("refused") : i;
                    },
                    default);
                return true;
            }
            catch (InvalidOperationException)
            {
                return false;
            }
        }));

        using var reader = Reader();
        Assert.Equal(Enumerable.Range(0, 200).Where(i => i % 3 != 0), reader.Query<int>("SELECT id FROM t ORDER BY id"));
        Assert.Equal(Enumerable.Range(0, 200).Select(i => i % 3 != 0), answers);
    }

    [Fact]
    public async Task A_prepared_statement_that_was_refused_works_again()
    {
        await using var writer = Writer();
        Task Insert(long id) => writer.ExecuteAsync(
            connection => connection.ExecutePrepared("INSERT INTO t (id, half) VALUES (@id, 1)", ("@id", id)), default);
        await Insert(1);
        await Assert.ThrowsAsync<SqliteException>(() => Insert(1));
        await Assert.ThrowsAsync<SqliteException>(() => Insert(1));
        await Insert(2);

        using var reader = Reader();
        Assert.Equal([1, 2], reader.Query<int>("SELECT id FROM t ORDER BY id"));
    }

    [Fact]
    public async Task What_was_answered_can_be_read_by_others()
    {
        await using var writer = Writer();
        using var reader = Reader();
        for (var i = 0; i < 50; i++)
        {
            await writer.ExecuteAsync(connection => connection.Execute("INSERT INTO t (id, half) VALUES (@i, 0)", new { i }), default);
            Assert.Equal(i + 1, reader.ExecuteScalar<int>("SELECT count(*) FROM t"));
        }
    }

    [Fact]
    public async Task Waiting_writes_share_a_commit()
    {
        await using var writer = Writer();
        using var entered = new ManualResetEventSlim();
        using var release = new ManualResetEventSlim();
        var first = writer.ExecuteAsync(
            connection =>
            {
                entered.Set();
                release.Wait();
                return 0;
            },
            default);
        entered.Wait();
        var rest = Enumerable.Range(0, 100).Select(i => writer.ExecuteAsync(
            connection => connection.Execute("INSERT INTO t (id, half) VALUES (@i, 0)", new { i }), default)).ToArray();
        var before = Frames();
        release.Set();
        await first;
        await Task.WhenAll(rest);

        // Each commit writes its pages to the log: a hundred of them would be hundreds of frames.
        Assert.True(Frames() - before < 10 * 4096, $"{Frames() - before} bytes of log");
    }

    [Fact]
    public async Task A_full_disk_is_told_and_survived()
    {
        var pages = 0;
        await using var writer = new GroupCommit(Path.Combine(_folder, "t.db"), () =>
        {
            var connection = Open();
            connection.Execute($"PRAGMA max_page_count = {(pages == 0 ? 4 : pages)}");
            return connection;
        });
        var blob = new byte[100_000];

        var refused = await Assert.ThrowsAsync<ApiException>(() => writer.ExecuteAsync(
            connection => connection.Execute("INSERT INTO t (id, half) VALUES (1, @blob)", new { blob }), default));

        Assert.Equal(ConnectCode.ResourceExhausted, refused.Code);
        Assert.Equal($"control plane storage is full ({Path.Combine(_folder, "t.db")}); free space there, then try again", refused.Message);
        pages = 100_000;
        await writer.ExecuteAsync(connection => connection.Execute("INSERT INTO t (id, half) VALUES (2, @blob)", new { blob }), default);
        using var reader = Reader();
        Assert.Equal([2], reader.Query<int>("SELECT id FROM t"));
    }

    [Fact]
    public void The_writer_flushes_every_commit()
    {
        using var connection = Database.OpenWriter(Create());
        Assert.Equal("wal", connection.ExecuteScalar<string>("PRAGMA journal_mode"));
        Assert.Equal(2, connection.ExecuteScalar<int>("PRAGMA synchronous"));
        Assert.Equal(1, connection.ExecuteScalar<int>("PRAGMA foreign_keys"));
    }

    [Fact]
    public async Task A_second_server_on_the_same_folder_refuses_to_start()
    {
        await using var server = await TestServer.StartAsync(folder: _folder);

        var refused = await Assert.ThrowsAsync<StartupException>(() => ServerHost.StartAsync(server.Options, default));

        Assert.Equal(
            $"the data folder {_folder} is already in use by pid {Environment.ProcessId}; stop that server, or choose another folder with --data DIR",
            refused.Message);
    }

    [Fact]
    public async Task A_port_in_use_is_told_and_leaves_the_folder_free()
    {
        await using var server = await TestServer.StartAsync();
        var options = server.Options with { DataDirectory = _folder, Listen = $"127.0.0.1:{server.Url.Port}" };

        var refused = await Assert.ThrowsAsync<StartupException>(() => ServerHost.StartAsync(options, default));

        Assert.Equal(
            $"the address 127.0.0.1:{server.Url.Port} is in use by another program; choose another one with --listen ADDRESS:PORT", refused.Message);
        DataFolder.Open(_folder).Dispose();
    }

    [Fact]
    public async Task Every_wrong_option_is_told_at_once()
    {
        var options = new ServerOptions { DataDirectory = _folder, Listen = "here", PublicUrl = "ftp://x", TlsKey = "/nowhere" };
        var refused = await Assert.ThrowsAsync<StartupException>(() => ServerHost.StartAsync(options, default));
        Assert.Equal(3, refused.Message.Split('\n').Length);
    }

    [Fact]
    public async Task Migrations_are_applied_once_and_the_check_finds_nothing()
    {
        await using (var first = await TestServer.StartAsync(folder: _folder))
        {
            await first.CreateBuildAsync();
        }

        await using var second = await TestServer.StartAsync(folder: _folder);
        Assert.Empty(FolderCheck.Run(_folder));
        Assert.Equal(Schema.Newest, Schema.Version(DataFolder.DatabasePath(_folder)));
        Assert.Equal("", second.First.Token);
    }

    [Fact]
    public async Task The_check_names_what_is_wrong()
    {
        await using (var server = await TestServer.StartAsync(folder: _folder))
        {
            var (build, token) = await server.CreateBuildAsync();
            await server.Builds(token).FinishBuildAsync(new() { BuildId = build, Success = new() });
        }

        using (var database = Database.OpenWriter(DataFolder.DatabasePath(_folder)))
        {
            database.Execute("UPDATE builds SET ended_by = NULL");
        }

#pragma warning disable CA1416 // Tests run on Linux.
        File.SetUnixFileMode(Path.Combine(_folder, "ca", "build-client.key"), UnixFileMode.UserRead | UnixFileMode.OtherRead);
#pragma warning restore CA1416
        var problems = FolderCheck.Run(_folder);

        Assert.Contains(problems, problem => problem.Contains("breaks \"an ended build has a time and somebody who ended it\"", StringComparison.Ordinal));
        Assert.Contains(problems, problem => problem.Contains("build-client.key can be read by other users", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_damaged_database_is_told_by_check_and_start()
    {
        File.WriteAllText(DataFolder.DatabasePath(_folder), new string('x', 8192));

        Assert.Contains(FolderCheck.Run(_folder), problem => problem.Contains("restore a backup", StringComparison.Ordinal));
        var options = new ServerOptions { DataDirectory = _folder, Listen = "127.0.0.1:0" };
        Assert.Contains("restore a backup", (await Assert.ThrowsAsync<StartupException>(() => ServerHost.StartAsync(options, default))).Message);
    }

    [Fact]
    public async Task An_authority_that_is_damaged_or_gone_is_told_by_check()
    {
        await using (await TestServer.StartAsync(folder: _folder))
        {
        }

        File.Delete(Path.Combine(_folder, "ca", "builder-client.pem"));
        File.Copy(Path.Combine(_folder, "ca", "builder-server.key"), Path.Combine(_folder, "ca", "build-client.key"), overwrite: true);

        var problems = FolderCheck.Run(_folder);

        Assert.Equal(2, problems.Count);
        Assert.Contains(problems, problem => problem.Contains("builder-client.pem is missing", StringComparison.Ordinal));
        Assert.Contains(problems, problem => problem.StartsWith($"cannot use the certificate authority {_folder}/ca/build-client.pem: ", StringComparison.Ordinal));
        Assert.Contains("build-client.pem", (await Assert.ThrowsAsync<StartupException>(() => TestServer.StartAsync(folder: _folder))).Message);
    }

    [Fact]
    public async Task A_backup_that_is_cut_off_restores_nothing()
    {
        var file = Path.Combine(_folder, "backup.tar");
        var other = Path.Combine(_folder, "restored");
        await using (await TestServer.StartAsync(folder: Path.Combine(_folder, "live")))
        {
        }

        Backup.Write(Path.Combine(_folder, "live"), file);
        using (var cut = File.OpenWrite(file))
        {
            cut.SetLength(cut.Length - 2048);
        }

        var refused = Assert.Throws<StartupException>(() => Backup.Restore(other, file, TimeProvider.System));

        Assert.StartsWith($"cannot restore {file} into {other}: ", refused.Message);
        Assert.Empty(Directory.EnumerateFiles(other, "*.db", SearchOption.AllDirectories));
        Assert.Empty(Directory.EnumerateFiles(other, "*.key", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task Secrets_for_one_use_do_not_come_back_with_a_backup()
    {
        var file = Path.Combine(_folder, "backup.tar");
        var other = Path.Combine(_folder, "restored");
        await using var server = await TestServer.StartAsync(folder: Path.Combine(_folder, "live"));
        var join = (await server.Admin().CreateJoinTokenAsync(new())).Token;
        Backup.Write(server.Options.DataDirectory, file);

        Assert.Equal(1, Backup.Restore(other, file, TimeProvider.System).SecretsEnded);

        Assert.Empty(FolderCheck.Run(other));
        await using var restored = await TestServer.StartAsync(folder: other);
        var refused = await Assert.ThrowsAsync<RpcException>(
            () => restored.Fleet(join).EnrollAsync(new() { Name = "late", Csr = FakeBuilder.NewCsr() }).ResponseAsync);
        Assert.Equal(StatusCode.Unauthenticated, refused.StatusCode);
        Assert.Single((await restored.Admin(server.Owner).ListAuditAsync(new() { Action = "data.restore" })).Records);
    }

    [Fact]
    public async Task A_backup_of_a_live_server_restores_into_an_empty_folder_only()
    {
        var file = Path.Combine(_folder, "backup.tar");
        var other = Path.Combine(_folder, "restored");
        await using var server = await TestServer.StartAsync(folder: Path.Combine(_folder, "live"));
        var (build, token) = await server.CreateBuildAsync();
        Backup.Write(server.Options.DataDirectory, file);

        Backup.Restore(other, file, TimeProvider.System);

        Assert.Empty(FolderCheck.Run(other));
        await using (var restored = await TestServer.StartAsync(folder: other))
        {
            Assert.Equal(build, (await restored.Builds(token).GetBuildAsync(new() { BuildId = build })).BuildId);
        }

        Assert.Contains("already in use by pid", Assert.Throws<StartupException>(() => Backup.Restore(server.Options.DataDirectory, file, TimeProvider.System)).Message);
        Assert.Contains("has data already", Assert.Throws<StartupException>(() => Backup.Restore(other, file, TimeProvider.System)).Message);
    }

    private GroupCommit Writer()
    {
        Create();
        return new GroupCommit(Path.Combine(_folder, "t.db"), Open);
    }

    private string Create()
    {
        var path = Path.Combine(_folder, "t.db");
        File.WriteAllBytes(path, []);
        return path;
    }

    private SqliteConnection Open()
    {
        var path = Path.Combine(_folder, "t.db");
        if (!File.Exists(path))
        {
            Create();
        }

        var connection = Database.OpenWriter(path);
        connection.Execute("CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, half BLOB)");
        return connection;
    }

    private SqliteConnection Reader()
    {
        var connection = new SqliteConnection($"Data Source={Path.Combine(_folder, "t.db")};Mode=ReadOnly;Pooling=False");
        connection.Open();
        return connection;
    }

    private long Frames() => new FileInfo(Path.Combine(_folder, "t.db-wal")).Length;
}
