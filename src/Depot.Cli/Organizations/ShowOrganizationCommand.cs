using Depot.Cli.Flags;

namespace Depot.Cli.Organizations;

/// <summary><c>depot org show</c>.</summary>
internal static class ShowOrganizationCommand
{
    public static CliCommand Create() => new()
    {
        Name = "show",
        Summary = "Print the ID of the organization in use",
        Run = (cli, words, _) =>
        {
            new FlagTable().ParseAll("depot org show", words, cli.Warn);
            cli.Output.WriteLine(cli.Settings.OrganizationId ?? throw new CliException("No organization selected") { Remedy = "`depot org switch` chooses one." });
            return Task.FromResult(ExitCode.Done);
        },
    };
}
