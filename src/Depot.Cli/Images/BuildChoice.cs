using Depot.Cli.Builds;
using Depot.Cli.ControlPlane;
using Depot.Cli.Projects;
using Depot.Cli.Rendering;
using Depot.Cli.Settings;
using Slipway.Contract.Depot.Cli.V1;

namespace Depot.Cli.Images;

/// <summary>Which build a command means that was not told: a person chooses, a script is shown what there is.</summary>
internal static class BuildChoice
{
    public static async Task<string> AskAsync(CliContext cli, string project, Credentials credentials, CancellationToken cancellation)
    {
        var id = ProjectChoice.Find(project, cli.Settings, cli.WorkingFolder, [], cli.Warn)
            ?? (await ProjectPicker.PickAsync(cli, credentials, cancellation))?.Id
            ?? throw ProjectChoice.Unknown();
        await using var api = cli.OpenApi();
        var builds = (await api.ListBuildsAsync(new ListBuildsRequest { ProjectId = id }, credentials, cancellation)).Builds;
        if (!cli.IsInteractive)
        {
            cli.Output.Write(ListBuildsCommand.Describe(builds, cli.Clock.GetUtcNow()).ToCsv());
            throw new CliException("build ID must be specified");
        }

        if (builds.Count == 0)
        {
            throw new CliException($"project {id} has no builds") { Remedy = "`depot build --save .` makes one that can be pulled." };
        }

        var chosen = await new Questions(cli.Terminal).ChooseAsync("Choose a build", [.. builds.Select(build => $"{build.Id}  {ListBuildsCommand.StartOf(build)}")], cancellation);
        return builds[chosen].Id;
    }
}
