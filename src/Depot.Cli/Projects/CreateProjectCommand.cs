using Depot.Cli.ControlPlane;
using Depot.Cli.Flags;
using Slipway.Contract.Depot.Core.V1;

namespace Depot.Cli.Projects;

/// <summary><c>depot projects create</c>.</summary>
internal static class CreateProjectCommand
{
    private const string Name = "depot projects create";

    private sealed class Arguments
    {
        public string Organization { get; set; } = "";

        public string Region { get; set; } = "us-east-1";

        public long Storage { get; set; } = 50;

        public long Days { get; set; } = 14;

        public string Token { get; set; } = "";
    }

    public static CliCommand Create() => new()
    {
        Name = "create",
        Aliases = ["c"],
        Arguments = "[flags] <project-name>",
        Summary = "Create a project",
        Flags = () => Table(new Arguments()),
        Run = RunAsync,
    };

    private static FlagTable Table(Arguments into) => new FlagTable()
        .Text("organization", 'o', "Organization that the project is for", value => into.Organization = value)
        .Text("region", null, "Where its builds' data is kept, on servers that have regions (default \"us-east-1\")", value => into.Region = value)
        .Whole("cache-storage-policy", "Build cache to keep per architecture in GB (default 50)", value => into.Storage = value)
        .Whole("cache-policy-keep-days", "Build cache retention in days (0 means no limit) (default 14)", value => into.Days = value)
        .Text("token", null, "Depot API token", value => into.Token = value);

    private static async Task<int> RunAsync(CliContext cli, string[] words, CancellationToken cancellation)
    {
        var arguments = new Arguments();
        var rest = Table(arguments).ParseAll(Name, words, cli.Warn, max: 1);
        if (rest is not [{ Length: > 0 } name])
        {
            throw new CliException("project name is required") { Remedy = $"Run '{Name} NAME'." };
        }

        var request = new CreateProjectRequest { Name = name, RegionId = arguments.Region, CachePolicy = Policy(arguments) };
        if ((arguments.Organization.Length > 0 ? arguments.Organization : cli.Settings.OrganizationId) is { } organization)
        {
            request.OrganizationId = organization;
        }

        using var credentials = Credentials.Resolve(arguments.Token, cli);
        await using var api = cli.OpenAccountApi();
        cli.Output.Write(ProjectOutput.Created(await api.CreateProjectAsync(request, credentials, cancellation)));
        return ExitCode.Done;
    }

    private static CachePolicy Policy(Arguments arguments) => new()
    {
        KeepBytes = ProjectOutput.ParseStorage(arguments.Storage),
        KeepDays = arguments.Days is >= 0 and <= int.MaxValue ? (int)arguments.Days : throw new CliException($"--cache-policy-keep-days cannot be {arguments.Days}"),
    };
}
