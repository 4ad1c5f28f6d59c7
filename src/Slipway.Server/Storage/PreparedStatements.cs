using System.Runtime.CompilerServices;
using Microsoft.Data.Sqlite;

namespace Slipway.Server.Storage;

/// <summary>For statements that the writer runs for every build: parsed once per connection, which is most of what a small INSERT costs.</summary>
internal static class PreparedStatements
{
    // The commands end with their connection, which knows them.
    private static readonly ConditionalWeakTable<SqliteConnection, Dictionary<string, SqliteCommand>> Known = [];

    /// <param name="statement">A constant: each text stays prepared for as long as the connection is open.</param>
    /// <param name="parameters">Always the same names in the same order.</param>
    /// <returns>How many rows it touched.</returns>
    public static int ExecutePrepared(this SqliteConnection connection, string statement, params ReadOnlySpan<(string Name, object? Value)> parameters)
    {
        var commands = Known.GetOrCreateValue(connection);
        if (!commands.TryGetValue(statement, out var command))
        {
            commands[statement] = command = Prepare(connection, statement, parameters);
        }

        for (var i = 0; i < parameters.Length; i++)
        {
            command.Parameters[i].Value = parameters[i].Value ?? DBNull.Value;
        }

        return command.ExecuteNonQuery();
    }

    private static SqliteCommand Prepare(SqliteConnection connection, string statement, ReadOnlySpan<(string Name, object? Value)> parameters)
    {
        var command = connection.CreateCommand();
        command.CommandText = statement;
        foreach (var (name, _) in parameters)
        {
            command.Parameters.Add(new SqliteParameter(name, null));
        }

        return command;
    }
}
