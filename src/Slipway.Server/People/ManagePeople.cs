using System.Security.Cryptography;
using Slipway.Contract.Connect;
using Slipway.Contract.Tokens;
using Slipway.Server.Access;
using Slipway.Server.Audit;
using Slipway.Server.Projects;
using Slipway.Server.Storage;

namespace Slipway.Server.People;

/// <summary>Invites people to an organization, changes their roles, and ends their membership.</summary>
internal sealed class ManagePeople(UserStore users, ManageProjects organizations, TimeProvider clock)
{
    private static readonly TimeSpan InvitationLife = TimeSpan.FromDays(7);
    private static readonly TimeSpan InvitationLifeMax = TimeSpan.FromDays(30);

    /// <summary>The secret is the end of the link that the person opens; it is told once and kept nowhere.</summary>
    public async Task<(Member Invitation, string Secret)> InviteAsync(
        string email, string organizationId, string role, TimeSpan life, Caller caller, CancellationToken cancellation)
    {
        var organization = Find(organizationId, CallerAction.ManagePeople, caller);
        var invitation = new Member
        {
            Email = Emails.Check(email),
            OrganizationId = organization.Id,
            Role = Roles.Parse(role.Length == 0 ? Role.Member.Name() : role).Name(),
            CreatedAt = clock.Now(),
            ExpiresAt = clock.Now() + Check(life).Milliseconds(),
        };
        if (users.FindMember(invitation.Email, organization.Id) is { UserId: not null } member)
        {
            throw new ApiException(
                ConnectCode.AlreadyExists,
                $"{member.Email} is in the organization already, as {member.Role}",
                $"to change that: slipway admin user role {member.Email} ROLE --org {organization.Id}");
        }

        var secret = RandomNumberGenerator.GetString("23456789abcdefghjkmnpqrstvwxyz", 40);
        await users.InviteAsync(invitation, TokenText.Hash(secret), Record(caller, "user.invite", invitation, invitation.Role), cancellation);
        return (invitation, secret);
    }

    public IReadOnlyList<Member> List(string organizationId, Caller caller) =>
        users.List(Find(organizationId, CallerAction.ReadPeople, caller).Id);

    public async Task<Member> SetRoleAsync(string email, string organizationId, string role, Caller caller, CancellationToken cancellation)
    {
        var member = FindMember(email, organizationId, caller);
        var wanted = Roles.Parse(role);
        RefuseLastOwner(member, caller, wanted);
        await users.SetRoleAsync(member, wanted, Record(caller, "user.role", member, wanted.Name()), cancellation);
        return member with { Role = wanted.Name() };
    }

    public async Task RemoveAsync(string email, string organizationId, Caller caller, CancellationToken cancellation)
    {
        var member = FindMember(email, organizationId, caller);
        RefuseLastOwner(member, caller, null);
        await users.RemoveAsync(member, Record(caller, "user.remove", member, member.Role), cancellation);
    }

    /// <summary>Makes somebody who has an account an operator, at a browser; or no longer.</summary>
    public async Task<User> SetOperatorAsync(string email, bool isOperator, Caller caller, CancellationToken cancellation)
    {
        AccessControl.Authorize(caller, CallerAction.ManageOperators, Resource.Instance);

        // Never by an address alone: whoever may invite chooses addresses, and has the link to the account.
        var user = users.FindByEmail(Emails.Check(email)) ?? throw new ApiException(
            ConnectCode.NotFound, $"{email} has no account", $"invite them first, and let them accept: slipway admin user invite {email}");
        var record = AuditEntry.By(caller, "user.operator", $"user {user.Email}", clock.Now()) with { Detail = isOperator ? "from now on" : "no longer" };
        await users.SetOperatorAsync(user.Id, isOperator, record, cancellation);
        return user with { Operator = isOperator };
    }

    private Organization Find(string organizationId, CallerAction action, Caller caller)
    {
        var organization = organizations.Choose(organizationId, caller);
        AccessControl.Authorize(caller, action, Resource.Of(organizationId, organization));
        return organization!;
    }

    private Member FindMember(string email, string organizationId, Caller caller)
    {
        var organization = Find(organizationId, CallerAction.ManagePeople, caller);
        return users.FindMember(Emails.Check(email), organization.Id) ?? throw new ApiException(
            ConnectCode.NotFound, $"{email} is not in the organization", $"see slipway admin user list --org {organization.Id}");
    }

    // An organization that nobody owns could be helped by the operator alone.
    private void RefuseLastOwner(Member member, Caller caller, Role? wanted)
    {
        if (member.UserId is not null && member.Role == Role.Owner.Name() && wanted != Role.Owner && caller.Kind != CallerKind.Operator
            && users.List(member.OrganizationId).Count(other => other.UserId is not null && other.Role == Role.Owner.Name()) == 1)
        {
            throw new ApiException(
                ConnectCode.FailedPrecondition, $"{member.Email} is the organization's only owner", "make somebody else an owner first");
        }
    }

    private static TimeSpan Check(TimeSpan life) => life == TimeSpan.Zero ? InvitationLife
        : life > TimeSpan.Zero && life <= InvitationLifeMax ? life
        : throw new ApiException(
            ConnectCode.InvalidArgument, $"an invitation cannot last {life.TotalDays:0.#} days", $"at most {InvitationLifeMax.TotalDays:0} days");

    private AuditEntry Record(Caller caller, string action, Member member, string detail) =>
        AuditEntry.By(caller, action, $"user {member.Email}", clock.Now()) with { OrganizationId = member.OrganizationId, Detail = detail };
}
