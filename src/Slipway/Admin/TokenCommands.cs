using System.CommandLine;
using Slipway.Contract.Admin.V1;

namespace Slipway.Admin;

/// <summary><c>slipway admin token</c>.</summary>
internal static class TokenCommands
{
    public static Command Create() => new("token", "Tokens") { New(), List(), Revoke(), Rotate() };

    private static Command New()
    {
        var user = new Option<string?>("--user")
        {
            Description = "for a person (EMAIL); without EMAIL for the operator: everything on this server",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var organization = new Option<string?>("--org") { Description = "for one organization" };
        var project = new Option<string?>("--project") { Description = "for one project's builds" };
        var pull = new Option<bool>("--pull") { Description = "only to pull saved images from the registry, for an hour at most: of --project ID or of --build ID" };
        var build = new Option<string?>("--build") { Description = "with --pull: what is in the repository of this build" };
        var role = new Option<string?>("--role") { Description = "of an organization's token: owner (the default), member or viewer" };
        var name = new Option<string?>("--name") { Description = "what the token is for" };
        var expires = new Option<string?>("--expires") { Description = "for example 90d (the default)" };
        var from = AdminCommand.From();
        return new Command("create", "Create a token; it is shown this once") { user, organization, project, pull, build, role, name, expires, from }.Calls(
            (client, parsed, cancellation) =>
            {
                var request = parsed.GetValue(pull)
                    ? PullRequest(parsed.GetValue(project), parsed.GetValue(build))
                    : Request(parsed.GetResult(user) is null ? null : parsed.GetValue(user) ?? "", parsed.GetValue(organization), parsed.GetValue(project));
                request.Role = parsed.GetValue(role) ?? "";
                request.Name = parsed.GetValue(name) ?? "";
                request.ExpiresInSeconds = AdminCommand.Seconds(parsed.GetValue(expires));
                request.AllowedFrom.AddRange(AdminCommand.Addresses(parsed.GetValue(from)));
                return client.CreateTokenAsync(request, cancellationToken: cancellation).ResponseAsync;
            },
            made => made.Token);
    }

    private static CreateTokenRequest Request(string? user, string? organization, string? project) => (user, organization, project) switch
    {
        ("", null, null) => new CreateTokenRequest { User = true },
        ({ } email, null, null) => new CreateTokenRequest { UserEmail = email },
        (null, { } id, null) => new CreateTokenRequest { OrganizationId = id },
        (null, null, { } id) => new CreateTokenRequest { ProjectId = id },
        _ => throw new UsageException("choose one of --user [EMAIL], --org ID and --project ID"),
    };

    private static CreateTokenRequest PullRequest(string? project, string? build) => (project, build) switch
    {
        ({ } id, null) => new CreateTokenRequest { PullProjectId = id },
        (null, { } id) => new CreateTokenRequest { PullBuildId = id },
        _ => throw new UsageException("with --pull choose one of --project ID and --build ID"),
    };

    private static Command List() => new Command("list", "List tokens").Calls(
        (client, _, cancellation) => client.ListTokensAsync(new ListTokensRequest(), cancellationToken: cancellation).ResponseAsync,
        found => Table.Render(
            ["ID", "KIND", "NAME", "FOR", "ROLE", "FROM", "CREATED", "EXPIRES", "LAST USED", "REVOKED"],
            found.Tokens.Select(t => new[]
            {
                t.Id, t.Kind, t.Name, t.UserEmail.Length > 0 ? t.UserEmail : t.ProjectId.Length > 0 ? t.ProjectId : t.OrganizationId, t.Role,
                string.Join(',', t.AllowedFrom), t.CreatedAt.Text(), t.ExpiresAt.Text(), t.LastUsedAt.Text(), t.RevokedAt.Text(),
            })));

    private static Command Revoke()
    {
        var id = new Argument<string>("ID");
        return new Command("revoke", "Revoke a token") { id }.Calls(
            (client, parsed, cancellation) => client.RevokeTokenAsync(
                new RevokeTokenRequest { TokenId = parsed.GetRequiredValue(id) }, cancellationToken: cancellation).ResponseAsync,
            _ => "");
    }

    private static Command Rotate()
    {
        var id = new Argument<string>("ID");
        var overlap = new Option<string?>("--overlap") { Description = "how long the old one works on (default 1h, 0s ends it at once)" };
        return new Command("rotate", "Put a new token in a token's place; it is shown this once") { id, overlap }.Calls(
            (client, parsed, cancellation) => client.RotateTokenAsync(
                new RotateTokenRequest
                {
                    TokenId = parsed.GetRequiredValue(id),
                    OverlapSeconds = AdminCommand.Seconds(parsed.GetValue(overlap) ?? "1h", "--overlap", mayBeNone: true),
                },
                cancellationToken: cancellation).ResponseAsync,
            made => made.Token);
    }
}
