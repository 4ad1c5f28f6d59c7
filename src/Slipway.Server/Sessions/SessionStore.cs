using Dapper;
using Slipway.Server.Audit;
using Slipway.Server.Storage;

namespace Slipway.Server.Sessions;

/// <summary>Who is signed in, by the hash of the cookie.</summary>
internal sealed class SessionStore(Database database)
{
    private const string Columns = "hash, user_id, created_at, last_seen_at, expires_at FROM sessions";

    public Session? Find(string hash) => database.Read(connection =>
        connection.QuerySingleOrDefault<Session>($"SELECT {Columns} WHERE hash = @hash", new { hash }));

    public Task AddAsync(Session session, AuditEntry record, CancellationToken cancellation) => database.WriteAsync(
        """
        INSERT INTO sessions (hash, user_id, created_at, last_seen_at, expires_at)
        VALUES (@Hash, @UserId, @CreatedAt, @LastSeenAt, @ExpiresAt)
        """,
        session,
        record,
        cancellation);

    public Task MarkSeenAsync(string hash, long now, CancellationToken cancellation) => database.WriteAsync(
        "UPDATE sessions SET last_seen_at = @now WHERE hash = @hash", new { hash, now }, cancellation);

    public Task RemoveAsync(string hash, AuditEntry record, CancellationToken cancellation) => database.WriteAsync(
        "DELETE FROM sessions WHERE hash = @hash", new { hash }, record, cancellation);

    /// <summary>Forgets what is over: sessions, logins, invitations.</summary>
    public Task PurgeAsync(long now, CancellationToken cancellation) => database.WriteAsync(
        """
        DELETE FROM sessions WHERE expires_at < @now;
        DELETE FROM logins WHERE expires_at < @now;
        DELETE FROM invitations WHERE expires_at < @now;
        """,
        new { now },
        cancellation);
}
