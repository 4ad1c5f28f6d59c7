using Dapper;
using Slipway.Server.Access;
using Slipway.Server.Audit;

namespace Slipway.Server.Storage;

/// <summary>Ends what must not come back with a backup: secrets for one use, which may have been used since it was made.</summary>
internal static class RestoreStore
{
    /// <summary>Brings a restored database to this version and settles it; returns how many secrets were ended.</summary>
    public static int Settle(string path, DateTimeOffset takenAt, DateTimeOffset now)
    {
        Schema.Migrate(path);
        using var connection = Database.OpenWriter(path);
        using var transaction = connection.BeginTransaction();
        var at = now.ToUnixTimeMilliseconds();
        var ended = connection.Execute("UPDATE tokens SET revoked_at = @at WHERE kind = 'join' AND revoked_at IS NULL", new { at })
            + connection.Execute("DELETE FROM invitations")
            + connection.Execute("DELETE FROM logins")
            + connection.Execute("DELETE FROM sessions");
        var record = AuditEntry.By(Caller.AtTheDataFolder, "data.restore", "the data folder", at) with { Detail = $"as of {takenAt:u}" };
        AuditStore.Append(connection, record);
        transaction.Commit();
        return ended;
    }
}
