using Depot.Cli.ControlPlane;
using Depot.Cli.Flags;
using Slipway.Contract.Depot.Core.V1;

namespace Depot.Cli.Projects;

/// <summary><c>depot projects update</c>: sends what was asked for and nothing else.</summary>
internal static class UpdateProjectCommand
{
    private sealed class Arguments
    {
        public string? Name { get; set; }

        public string Output { get; set; } = "";

        public string Project { get; set; } = "";

        public string? Region { get; set; }

        public long? Storage { get; set; }

        public string Token { get; set; } = "";

        public bool IsEmpty => Name is null && Region is null && Storage is null;
    }

    public static CliCommand Create() => new()
    {
        Name = "update",
        Arguments = "[<project-id>] [flags]",
        Summary = "Change a project's name, region or cache size",
        Flags = () => Table(new Arguments()),
        Run = RunAsync,
    };

    private static FlagTable Table(Arguments into) => new FlagTable()
        .Whole("cache-storage-policy", "Build cache to keep per architecture in GB", value => into.Storage = value)
        .Text("name", null, "Project name", value => into.Name = value)
        .Text("output", 'o', "Output format (json)", value => into.Output = value)
        .ProjectId(value => into.Project = value)
        .Text("region", null, "Build data storage region", value => into.Region = value)
        .Text("token", null, "Depot API token", value => into.Token = value);

    private static async Task<int> RunAsync(CliContext cli, string[] words, CancellationToken cancellation)
    {
        var arguments = new Arguments();
        var rest = Table(arguments).ParseAll("depot projects update", words, cli.Warn, max: 1);
        var format = ProjectOutput.ParseFormat(arguments.Output);
        if (arguments.IsEmpty)
        {
            throw new CliException("one of --name, --region, or --cache-storage-policy is required");
        }

        var id = NamedProject.Find(rest, arguments.Project, cli);
        using var credentials = Credentials.Resolve(arguments.Token, cli);
        await using var api = cli.OpenAccountApi();
        var request = await RequestAsync(api, id, arguments, credentials, cancellation);
        cli.Output.Write(ProjectOutput.Format(await api.UpdateProjectAsync(request, credentials, cancellation), format));
        return ExitCode.Done;
    }

    /// <summary>A cache policy is replaced as a whole: what stays of it is asked for first.</summary>
    private static async Task<UpdateProjectRequest> RequestAsync(
        AccountApi api, string id, Arguments arguments, Credentials credentials, CancellationToken cancellation)
    {
        var request = new UpdateProjectRequest { ProjectId = id };
        if (arguments.Name is { } name)
        {
            request.Name = name;
        }

        if (arguments.Region is { } region)
        {
            request.RegionId = region;
        }

        if (arguments.Storage is { } storage)
        {
            var known = await api.GetProjectAsync(id, credentials, cancellation);
            request.CachePolicy = new CachePolicy { KeepBytes = ProjectOutput.ParseStorage(storage), KeepDays = known.CachePolicy?.KeepDays ?? 0 };
        }

        return request;
    }
}
