using Dapper;
using Microsoft.Data.Sqlite;
using Slipway.Server.Audit;
using Slipway.Server.Certificates;

namespace Slipway.Server.Storage;

/// <summary>Looks a data folder over: is it whole, does it hold together, are its secrets private.</summary>
public static class FolderCheck
{
    // Each finds what must not be there; the schema's own constraints are covered by integrity_check and foreign_key_check.
    private static readonly (string Rule, string Query)[] Invariants =
    [
        ("an ended build has a time and somebody who ended it",
            "SELECT id FROM builds WHERE (status = 1) <> (ended_by IS NULL)"),
        ("no log line is newer than its build's acknowledged records",
            """
            SELECT DISTINCT l.build_id FROM log_lines l LEFT JOIN record_cursors c
                ON c.build_id = l.build_id AND c.architecture = l.architecture
            WHERE l.sequence > coalesce(c.sequence, 0)
            """),
        ("every build token belongs to a build",
            "SELECT id FROM tokens WHERE kind = 'build' AND build_id IS NULL"),
        ("every token belongs to one owner at most",
            "SELECT id FROM tokens WHERE (organization_id IS NOT NULL) + (project_id IS NOT NULL) + (build_id IS NOT NULL) + (user_id IS NOT NULL) > 1"),
        ("a stay is on a lease of the same builder",
            "SELECT a.build_id FROM admissions a JOIN leases l ON l.id = a.lease_id WHERE l.builder_id <> a.builder_id"),
        ("a stay is on a lease of the build's project",
            """
            SELECT a.build_id FROM admissions a JOIN leases l ON l.id = a.lease_id JOIN builds b ON b.id = a.build_id
            WHERE l.project_id <> b.project_id
            """),
    ];

    /// <summary>Every problem found, one line each; empty when the folder is sound.</summary>
    /// <exception cref="StartupException">There is nothing to check.</exception>
    public static IReadOnlyList<string> Run(string folder)
    {
        folder = Path.GetFullPath(folder);
        var path = DataFolder.DatabasePath(folder);
        if (!File.Exists(path))
        {
            throw new StartupException($"there is no Slipway data in {folder}; name the folder of a server with --data DIR");
        }

        var problems = new List<string>();
        try
        {
            CheckDatabase(path, problems);
        }
        catch (SqliteException damaged)
        {
            problems.Add($"{path} cannot be read: {damaged.Message.TrimEnd('.')}; restore a backup");
        }

        problems.AddRange(CertificateAuthority.Check(folder));
        CheckSecrets(folder, problems);
        return problems;
    }

    private static void CheckDatabase(string path, List<string> problems)
    {
        using var connection = new SqliteConnection(
            new SqliteConnectionStringBuilder { DataSource = path, Mode = SqliteOpenMode.ReadWrite, Pooling = false }.ToString());
        connection.Open();
        problems.AddRange(connection.Query<string>("PRAGMA integrity_check").Where(line => line != "ok").Select(line => $"{path}: {line}"));
        problems.AddRange(connection.Query("PRAGMA foreign_key_check").Select(row => $"{path}: a row of {row.table} points at a missing {row.parent}"));
        var version = Schema.Version(path);
        if (version != Schema.Newest)
        {
            problems.Add($"{path} has schema version {version}, this program has {Schema.Newest}"
                + (version < Schema.Newest ? "; the server upgrades it when it starts" : "; use a newer slipway"));
            return;
        }

        if (AuditStore.Verify(connection) is { } broken)
        {
            problems.Add($"{path}: {broken}");
        }

        foreach (var (rule, query) in Invariants)
        {
            problems.AddRange(connection.Query<string>(query).Take(10).Select(id => $"{path}: {id} breaks \"{rule}\""));
        }
    }

    private static void CheckSecrets(string folder, List<string> problems)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        const UnixFileMode others = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite;
        var keys = Directory.Exists(Path.Combine(folder, "ca")) ? Directory.GetFiles(Path.Combine(folder, "ca"), "*.key") : [];
        foreach (var secret in keys.Append(DataFolder.DatabasePath(folder)).Append(Path.Combine(folder, "credentials.json")).Where(File.Exists))
        {
            if ((File.GetUnixFileMode(secret) & others) != 0)
            {
                problems.Add($"{secret} can be read by other users; make it private: chmod 600 {secret}");
            }
        }
    }
}
