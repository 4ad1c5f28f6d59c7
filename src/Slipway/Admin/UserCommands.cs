using System.CommandLine;
using Slipway.Contract.Admin.V1;

namespace Slipway.Admin;

/// <summary><c>slipway admin user</c>.</summary>
internal static class UserCommands
{
    public static Command Create() => new("user", "People and their roles") { Invite(), List(), ChangeRole(), Remove(), Operator() };

    private static Command Invite()
    {
        var email = Email();
        var organization = Organization();
        var role = new Option<string?>("--role") { Description = "owner, member (the default) or viewer" };
        var expires = new Option<string?>("--expires") { Description = "how long the link works (default 7d)" };
        return new Command("invite", "Invite somebody; prints the link to send, which is shown this once") { email, organization, role, expires }.Calls(
            (client, parsed, cancellation) => client.InviteUserAsync(
                new InviteUserRequest
                {
                    Email = parsed.GetRequiredValue(email),
                    OrganizationId = parsed.GetValue(organization) ?? "",
                    Role = parsed.GetValue(role) ?? "",
                    ExpiresInSeconds = AdminCommand.Seconds(parsed.GetValue(expires)),
                },
                cancellationToken: cancellation).ResponseAsync,
            (parsed, made) => AdminCommand.Address(parsed) + made.Link);
    }

    private static Command List()
    {
        var organization = Organization();
        return new Command("list", "List an organization's members and invitations") { organization }.Calls(
            (client, parsed, cancellation) => client.ListUsersAsync(
                new ListUsersRequest { OrganizationId = parsed.GetValue(organization) ?? "" }, cancellationToken: cancellation).ResponseAsync,
            found => Table.Render(
                ["EMAIL", "ROLE", "STATE", "SINCE", "INVITATION ENDS"],
                found.Users.Select(u => new[] { u.Email, u.Role, u.State, u.Since.Text(), u.ExpiresAt.Text() })));
    }

    private static Command ChangeRole()
    {
        var email = Email();
        var role = new Argument<string>("ROLE") { Description = "owner, member or viewer" };
        var organization = Organization();
        return new Command("role", "Change somebody's role") { email, role, organization }.Calls(
            (client, parsed, cancellation) => client.SetUserRoleAsync(
                new SetUserRoleRequest
                {
                    Email = parsed.GetRequiredValue(email),
                    Role = parsed.GetRequiredValue(role),
                    OrganizationId = parsed.GetValue(organization) ?? "",
                },
                cancellationToken: cancellation).ResponseAsync,
            _ => "");
    }

    private static Command Remove()
    {
        var email = Email();
        var organization = Organization();
        return new Command("remove", "End somebody's membership or invitation") { email, organization }.Calls(
            (client, parsed, cancellation) => client.RemoveUserAsync(
                new RemoveUserRequest { Email = parsed.GetRequiredValue(email), OrganizationId = parsed.GetValue(organization) ?? "" },
                cancellationToken: cancellation).ResponseAsync,
            _ => "");
    }

    private static Command Operator()
    {
        var email = Email();
        var undo = new Option<bool>("--undo") { Description = "no longer" };
        return new Command("operator", "Let somebody who has an account do everything on this server's pages") { email, undo }.Calls(
            (client, parsed, cancellation) => client.SetOperatorAsync(
                new SetOperatorRequest { Email = parsed.GetRequiredValue(email), Operator = !parsed.GetValue(undo) },
                cancellationToken: cancellation).ResponseAsync,
            _ => "");
    }

    private static Argument<string> Email() => new("EMAIL");

    private static Option<string?> Organization() => new("--org") { Description = "organization id; needed when there are several" };
}
