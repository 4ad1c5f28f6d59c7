using System.Globalization;
using System.Reflection;
using DbUp;
using DbUp.Engine.Output;
using Microsoft.Data.Sqlite;

namespace Slipway.Server.Storage;

/// <summary>The database's shape: the numbered scripts in <c>Storage/Migrations</c>, each applied once, forward only.</summary>
internal static class Schema
{
    private const string ScriptPrefix = "Slipway.Server.Storage.Migrations.";

    /// <summary>The number of the newest script that this program carries.</summary>
    public static int Newest => Scripts().Max();

    /// <summary>Applies the scripts that the database has not seen; one transaction per script.</summary>
    public static void Migrate(string databasePath)
    {
        var found = Version(databasePath);
        if (found > Newest)
        {
            // Expand-and-contract keeps the previous release able to run on a newer schema (ARCHITECTURE.md); it must not migrate it.
            return;
        }

        var engine = DeployChanges.To
            .SqliteDatabase($"Data Source={databasePath};Pooling=False")
            .WithScriptsEmbeddedInAssembly(typeof(Schema).Assembly, name => name.StartsWith(ScriptPrefix, StringComparison.Ordinal))
            .WithTransactionPerScript()
            .LogTo(new NoOpUpgradeLog())
            .Build();
        var result = engine.PerformUpgrade();
        if (!result.Successful)
        {
            throw new StartupException(
                $"cannot bring the database {databasePath} to this version ({result.ErrorScript?.Name}): {result.Error.Message}",
                result.Error);
        }
    }

    /// <summary>The number of the newest script applied to the database; 0 for a new one.</summary>
    public static int Version(string databasePath)
    {
        if (!File.Exists(databasePath))
        {
            return 0;
        }

        using var connection = new SqliteConnection($"Data Source={databasePath};Pooling=False");
        connection.Open();
        using var tables = connection.CreateCommand();
        tables.CommandText = "SELECT count(*) FROM sqlite_master WHERE name = 'SchemaVersions'";
        if (Convert.ToInt64(tables.ExecuteScalar(), CultureInfo.InvariantCulture) == 0)
        {
            return 0;
        }

        using var applied = connection.CreateCommand();
        applied.CommandText = "SELECT ScriptName FROM SchemaVersions";
        using var reader = applied.ExecuteReader();
        var newest = 0;
        while (reader.Read())
        {
            newest = Math.Max(newest, Number(reader.GetString(0)));
        }

        return newest;
    }

    private static IEnumerable<int> Scripts() => Assembly.GetExecutingAssembly().GetManifestResourceNames()
        .Where(name => name.StartsWith(ScriptPrefix, StringComparison.Ordinal))
        .Select(Number);

    // "Slipway.Server.Storage.Migrations.0001_control_plane.sql" → 1
    private static int Number(string script) =>
        script.StartsWith(ScriptPrefix, StringComparison.Ordinal)
        && int.TryParse(script.AsSpan(ScriptPrefix.Length, 4), CultureInfo.InvariantCulture, out var number) ? number : 0;
}
