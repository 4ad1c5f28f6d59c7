using System.CommandLine;
using Slipway.Contract.Admin.V1;

namespace Slipway.Admin;

/// <summary><c>slipway admin token</c>.</summary>
internal static class TokenCommands
{
    public static Command Create() => new("token", "Tokens") { New(), List(), Revoke() };

    private static Command New()
    {
        var user = new Option<bool>("--user") { Description = "for a person: everything" };
        var organization = new Option<string?>("--org") { Description = "for one organization" };
        var project = new Option<string?>("--project") { Description = "for one project's builds" };
        var name = new Option<string?>("--name") { Description = "what the token is for" };
        var expires = new Option<string?>("--expires") { Description = "for example 90d (the default)" };
        return new Command("create", "Create a token; it is shown this once") { user, organization, project, name, expires }.Calls(
            (client, parsed, cancellation) =>
            {
                var request = Request(parsed.GetValue(user), parsed.GetValue(organization), parsed.GetValue(project));
                request.Name = parsed.GetValue(name) ?? "";
                request.ExpiresInSeconds = AdminCommand.Seconds(parsed.GetValue(expires));
                return client.CreateTokenAsync(request, cancellationToken: cancellation).ResponseAsync;
            },
            made => made.Token);
    }

    private static CreateTokenRequest Request(bool user, string? organization, string? project) => (user, organization, project) switch
    {
        (true, null, null) => new CreateTokenRequest { User = true },
        (false, { } id, null) => new CreateTokenRequest { OrganizationId = id },
        (false, null, { } id) => new CreateTokenRequest { ProjectId = id },
        _ => throw new UsageException("choose one of --user, --org ID and --project ID"),
    };

    private static Command List() => new Command("list", "List tokens").Calls(
        (client, _, cancellation) => client.ListTokensAsync(new ListTokensRequest(), cancellationToken: cancellation).ResponseAsync,
        found => Table.Render(
            ["ID", "KIND", "NAME", "FOR", "CREATED", "EXPIRES", "LAST USED", "REVOKED"],
            found.Tokens.Select(t => new[]
            {
                t.Id, t.Kind, t.Name, t.ProjectId.Length > 0 ? t.ProjectId : t.OrganizationId,
                t.CreatedAt.Text(), t.ExpiresAt.Text(), t.LastUsedAt.Text(), t.RevokedAt.Text(),
            })));

    private static Command Revoke()
    {
        var id = new Argument<string>("ID");
        return new Command("revoke", "Revoke a token") { id }.Calls(
            (client, parsed, cancellation) => client.RevokeTokenAsync(
                new RevokeTokenRequest { TokenId = parsed.GetRequiredValue(id) }, cancellationToken: cancellation).ResponseAsync,
            _ => "");
    }
}
