using Dapper;
using Microsoft.Data.Sqlite;
using Slipway.Server.Access;
using Slipway.Server.Audit;
using Slipway.Server.Storage;

namespace Slipway.Server.People;

/// <summary>People, their roles, and invitations.</summary>
internal sealed class UserStore(Database database, TimeProvider clock)
{
    private readonly Remembered<IReadOnlyDictionary<string, Role>> _roles = new(database, clock);

    private const string Columns = "id, email, name, password_hash, operator, created_at FROM users";
    private const string InvitationColumns = "email, organization_id, role, created_at, expires_at FROM invitations";

    public User? Find(string id) => database.Read(connection =>
        connection.QuerySingleOrDefault<User>($"SELECT {Columns} WHERE id = @id", new { id }));

    public User? FindByEmail(string email) => database.Read(connection => FindByEmail(connection, email));

    public IReadOnlyDictionary<string, Role> RolesOf(string userId) => _roles.Find(userId, wanted => database.Read(connection =>
        connection.Query<(string OrganizationId, string Role)>(
            "SELECT organization_id, role FROM memberships WHERE user_id = @wanted", new { wanted })
            .ToDictionary(row => row.OrganizationId, row => Roles.Stored(row.Role), StringComparer.Ordinal)))!;

    public Member? FindMember(string email, string organizationId) => List(organizationId).FirstOrDefault(member => member.Email == email);

    /// <summary>Members, then who is invited.</summary>
    public IReadOnlyList<Member> List(string organizationId) => database.Read(connection =>
        connection.Query<Member>(
            """
            SELECT m.user_id, u.email, m.organization_id, m.role, m.created_at FROM memberships m JOIN users u ON u.id = m.user_id
            WHERE m.organization_id = @organizationId ORDER BY u.email
            """,
            new { organizationId })
            .Concat(connection.Query<Member>(
                $"SELECT {InvitationColumns} WHERE organization_id = @organizationId ORDER BY email", new { organizationId }))
            .AsList());

    public Member? FindInvitation(string hash, long now) => database.Read(connection => connection.QuerySingleOrDefault<Member>(
        $"SELECT {InvitationColumns} WHERE hash = @hash AND expires_at > @now", new { hash, now }));

    /// <summary>A second invitation takes the place of the first, whose link ends with it.</summary>
    public Task InviteAsync(Member invitation, string hash, AuditEntry record, CancellationToken cancellation) => database.WriteAsync(
        """
        INSERT INTO invitations (email, organization_id, role, hash, created_at, expires_at)
        VALUES (@Email, @OrganizationId, @Role, @hash, @CreatedAt, @ExpiresAt)
        ON CONFLICT (email, organization_id) DO UPDATE SET
            role = excluded.role, hash = excluded.hash, created_at = excluded.created_at, expires_at = excluded.expires_at
        """,
        new { invitation.Email, invitation.OrganizationId, invitation.Role, hash, invitation.CreatedAt, invitation.ExpiresAt },
        record,
        cancellation);

    public Task SetRoleAsync(Member member, Role role, AuditEntry record, CancellationToken cancellation) => database.WriteAsync(
        member.UserId is null
            ? "UPDATE invitations SET role = @role WHERE email = @Email AND organization_id = @OrganizationId"
            : "UPDATE memberships SET role = @role WHERE user_id = @UserId AND organization_id = @OrganizationId",
        new { role = role.Name(), member.Email, member.UserId, member.OrganizationId },
        record,
        cancellation);

    public Task RemoveAsync(Member member, AuditEntry record, CancellationToken cancellation) => database.WriteAsync(
        member.UserId is null
            ? "DELETE FROM invitations WHERE email = @Email AND organization_id = @OrganizationId"
            : "DELETE FROM memberships WHERE user_id = @UserId AND organization_id = @OrganizationId",
        member,
        record,
        cancellation);

    public Task SetOperatorAsync(string userId, bool isOperator, AuditEntry record, CancellationToken cancellation) => database.WriteAsync(
        "UPDATE users SET operator = @isOperator WHERE id = @userId", new { userId, isOperator }, record, cancellation);

    public Task SetPasswordAsync(string userId, string passwordHash, AuditEntry record, CancellationToken cancellation) => database.WriteAsync(
        "UPDATE users SET password_hash = @passwordHash WHERE id = @userId", new { userId, passwordHash }, record, cancellation);

    /// <summary>Turns an invitation into a membership, once; null when somebody was faster.</summary>
    /// <param name="newUser">Made when the address has no account yet.</param>
    public Task<User?> AcceptAsync(string hash, User newUser, AuditEntry record, CancellationToken cancellation) => database.WriteRightsAsync(
        connection =>
        {
            var invitation = connection.QuerySingleOrDefault<Member>(
                $"SELECT {InvitationColumns} WHERE hash = @hash AND expires_at > @At", new { hash, record.At });
            if (invitation is null || invitation.Email != newUser.Email)
            {
                return null;
            }

            var user = FindByEmail(connection, invitation.Email) ?? Insert(connection, newUser);
            Join(connection, user, invitation, record);
            return user;
        },
        cancellation);

    /// <summary>
    /// Who signs in as this subject of the identity provider; null when nobody with the address was ever invited.
    /// The provider's word for the address beats a password that was set through a link: on its first use the password ends,
    /// and with it every session and token of the account.
    /// </summary>
    public Task<User?> SignInExternallyAsync(
        string issuer, string subject, User newUser, AuditEntry record, CancellationToken cancellation) => database.WriteRightsAsync(
        connection =>
        {
            var user = connection.QuerySingleOrDefault<User>(
                $"SELECT {Columns} WHERE id = (SELECT user_id FROM user_identities WHERE issuer = @issuer AND subject = @subject)",
                new { issuer, subject });
            if (user is not null)
            {
                return user;
            }

            var invitations = connection.Query<Member>(
                $"SELECT {InvitationColumns} WHERE email = @Email AND expires_at > @At", new { newUser.Email, record.At }).AsList();
            user = FindByEmail(connection, newUser.Email) ?? (invitations.Count > 0 ? Insert(connection, newUser) : null);
            if (user is null)
            {
                return null;
            }

            connection.Execute(
                """
                UPDATE users SET password_hash = NULL WHERE id = @Id;
                DELETE FROM sessions WHERE user_id = @Id;
                UPDATE tokens SET revoked_at = @At WHERE user_id = @Id AND revoked_at IS NULL;
                INSERT INTO user_identities (issuer, subject, user_id, created_at) VALUES (@issuer, @subject, @Id, @At);
                """,
                new { user.Id, issuer, subject, record.At });
            AuditStore.Append(connection, record with { Action = "user.link", Target = $"user {user.Email}", Detail = $"{issuer} \"{subject}\"" });
            foreach (var invitation in invitations)
            {
                Join(connection, user, invitation, record);
            }

            return user;
        },
        cancellation);

    private static User? FindByEmail(SqliteConnection connection, string email) =>
        connection.QuerySingleOrDefault<User>($"SELECT {Columns} WHERE email = @email", new { email });

    private static User Insert(SqliteConnection connection, User user)
    {
        connection.Execute(
            "INSERT INTO users (id, email, name, password_hash, created_at) VALUES (@Id, @Email, @Name, @PasswordHash, @CreatedAt)", user);
        return user;
    }

    private static void Join(SqliteConnection connection, User user, Member invitation, AuditEntry record)
    {
        connection.Execute(
            """
            INSERT INTO memberships (user_id, organization_id, role, created_at) VALUES (@Id, @OrganizationId, @Role, @At)
            ON CONFLICT (user_id, organization_id) DO UPDATE SET role = excluded.role;
            DELETE FROM invitations WHERE email = @Email AND organization_id = @OrganizationId;
            """,
            new { user.Id, invitation.OrganizationId, invitation.Role, record.At, user.Email });
        AuditStore.Append(connection, record with
        {
            Action = "user.join",
            Target = $"user {user.Email}",
            OrganizationId = invitation.OrganizationId,
            Detail = invitation.Role,
        });
    }
}
