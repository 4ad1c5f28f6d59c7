using Dapper;
using Slipway.Contract.Tokens;
using Slipway.Server.Audit;
using Slipway.Server.Storage;
using Slipway.Server.Tokens;

namespace Slipway.Server.Login;

/// <summary>Runs of <c>depot login</c> that wait for somebody.</summary>
internal sealed class LoginStore(Database database)
{
    private const string Columns = "poll_hash, code_hash, address, client, created_at, expires_at, user_id FROM logins";

    public Task AddAsync(PendingLogin login, CancellationToken cancellation) => database.WriteAsync(
        """
        INSERT INTO logins (poll_hash, code_hash, address, client, created_at, expires_at)
        VALUES (@PollHash, @CodeHash, @Address, @Client, @CreatedAt, @ExpiresAt)
        """,
        login,
        cancellation);

    public int Count(string address, long now) => database.Read(connection => connection.ExecuteScalar<int>(
        "SELECT count(*) FROM logins WHERE expires_at > @now AND (@address = '' OR address = @address)", new { address, now }));

    public PendingLogin? FindByPoll(string hash, long now) => database.Read(connection => connection.QuerySingleOrDefault<PendingLogin>(
        $"SELECT {Columns} WHERE poll_hash = @hash AND expires_at > @now", new { hash, now }));

    public PendingLogin? FindByCode(string hash, long now) => database.Read(connection => connection.QuerySingleOrDefault<PendingLogin>(
        $"SELECT {Columns} WHERE code_hash = @hash AND expires_at > @now AND user_id IS NULL", new { hash, now }));

    /// <summary>False when it was approved, denied or over before.</summary>
    public Task<bool> ApproveAsync(string codeHash, string userId, AuditEntry record, CancellationToken cancellation) => database.WriteAsync(
        connection =>
        {
            var approved = connection.Execute(
                "UPDATE logins SET user_id = @userId WHERE code_hash = @codeHash AND expires_at > @At AND user_id IS NULL",
                new { codeHash, userId, record.At }) == 1;
            if (approved)
            {
                AuditStore.Append(connection, record);
            }

            return approved;
        },
        cancellation);

    public Task<bool> DenyAsync(string codeHash, AuditEntry record, CancellationToken cancellation) => database.WriteAsync(
        connection =>
        {
            var denied = connection.Execute("DELETE FROM logins WHERE code_hash = @codeHash AND user_id IS NULL", new { codeHash }) == 1;
            if (denied)
            {
                AuditStore.Append(connection, record);
            }

            return denied;
        },
        cancellation);

    /// <summary>Trades an approved login for its token, once; false when somebody was faster.</summary>
    public Task<bool> TakeAsync(string pollHash, TokenRecord token, string secret, AuditEntry record, CancellationToken cancellation) =>
        database.WriteAsync(
            connection =>
            {
                var taken = connection.Execute(
                    "DELETE FROM logins WHERE poll_hash = @pollHash AND user_id = @UserId", new { pollHash, token.UserId }) == 1;
                if (taken)
                {
                    TokenStore.Insert(connection, token, TokenText.Hash(secret));
                    AuditStore.Append(connection, record);
                }

                return taken;
            },
            cancellation);
}

/// <summary>One run of <c>depot login</c>.</summary>
internal sealed record PendingLogin
{
    public required string PollHash { get; init; }

    public required string CodeHash { get; init; }

    public required string Address { get; init; }

    /// <summary>What the client calls itself.</summary>
    public required string Client { get; init; }

    public long CreatedAt { get; init; }

    public long ExpiresAt { get; init; }

    /// <summary>Who approved it.</summary>
    public string? UserId { get; init; }
}
