using System.CommandLine;
using Slipway.Contract.Admin.V1;

namespace Slipway.Admin;

/// <summary><c>slipway admin org</c>.</summary>
internal static class OrganizationCommands
{
    public static Command Create() => new("org", "Organizations") { New(), List() };

    private static Command New()
    {
        var name = new Argument<string>("NAME");
        return new Command("create", "Create an organization") { name }.Calls(
            (client, parsed, cancellation) => client.CreateOrganizationAsync(
                new CreateOrganizationRequest { Name = parsed.GetRequiredValue(name) }, cancellationToken: cancellation).ResponseAsync,
            made => made.Id);
    }

    private static Command List() => new Command("list", "List organizations").Calls(
        (client, _, cancellation) => client.ListOrganizationsAsync(new ListOrganizationsRequest(), cancellationToken: cancellation).ResponseAsync,
        found => Table.Render(["ID", "NAME", "CREATED"], found.Organizations.Select(o => new[] { o.Id, o.Name, o.CreatedAt.Text() })));
}
