using System.CommandLine;
using System.Globalization;
using Slipway.Contract.Admin.V1;

namespace Slipway.Admin;

/// <summary><c>slipway admin project</c>.</summary>
internal static class ProjectCommands
{
    public static Command Create() => new("project", "Projects") { New(), List(), Update(), Delete() };

    private static Command New()
    {
        var name = new Argument<string>("NAME");
        var organization = new Option<string?>("--org") { Description = "organization id; needed when there are several" };
        var bytes = Bytes();
        var days = Days();
        return new Command("create", "Create a project") { name, organization, bytes, days }.Calls(
            (client, parsed, cancellation) =>
            {
                var request = new CreateProjectRequest
                {
                    Name = parsed.GetRequiredValue(name),
                    OrganizationId = parsed.GetValue(organization) ?? "",
                };
                request.CacheKeepBytes = parsed.GetValue(bytes) ?? 0;
                request.CacheKeepDays = parsed.GetValue(days) ?? 0;
                return client.CreateProjectAsync(request, cancellationToken: cancellation).ResponseAsync;
            },
            made => made.Id);
    }

    private static Command List()
    {
        var organization = new Option<string?>("--org") { Description = "only of this organization" };
        return new Command("list", "List projects") { organization }.Calls(
            (client, parsed, cancellation) => client.ListProjectsAsync(
                new ListProjectsRequest { OrganizationId = parsed.GetValue(organization) ?? "" }, cancellationToken: cancellation).ResponseAsync,
            found => Table.Render(
                ["ID", "NAME", "ORGANIZATION", "CACHE BYTES", "CACHE DAYS", "CREATED"],
                found.Projects.Select(p => new[]
                {
                    p.Id, p.Name, p.OrganizationId, Limit(p.CacheKeepBytes), Limit(p.CacheKeepDays), p.CreatedAt.Text(),
                })));
    }

    private static Command Update()
    {
        var id = new Argument<string>("ID");
        var name = new Option<string?>("--name");
        var bytes = Bytes();
        var days = Days();
        return new Command("update", "Change a project") { id, name, bytes, days }.Calls(
            (client, parsed, cancellation) =>
            {
                var request = new UpdateProjectRequest { ProjectId = parsed.GetRequiredValue(id) };
                if (parsed.GetValue(name) is { } changed)
                {
                    request.Name = changed;
                }

                if (parsed.GetValue(bytes) is { } keep)
                {
                    request.CacheKeepBytes = keep;
                }

                if (parsed.GetValue(days) is { } age)
                {
                    request.CacheKeepDays = age;
                }

                return client.UpdateProjectAsync(request, cancellationToken: cancellation).ResponseAsync;
            },
            _ => "");
    }

    private static Command Delete()
    {
        var id = new Argument<string>("ID");
        return new Command("delete", "Delete a project") { id }.Calls(
            (client, parsed, cancellation) => client.DeleteProjectAsync(
                new DeleteProjectRequest { ProjectId = parsed.GetRequiredValue(id) }, cancellationToken: cancellation).ResponseAsync,
            _ => "");
    }

    private static Option<long?> Bytes() => new("--cache-keep-bytes") { Description = "the cache's size limit; 0: none" };

    private static Option<int?> Days() => new("--cache-keep-days") { Description = "the cache's age limit; 0: none" };

    private static string Limit(long value) => value == 0 ? "-" : value.ToString(CultureInfo.InvariantCulture);
}
