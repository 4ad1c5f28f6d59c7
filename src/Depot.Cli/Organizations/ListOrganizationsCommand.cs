using Depot.Cli.ControlPlane;
using Depot.Cli.Rendering;
using Slipway.Contract.Depot.Core.V1;

namespace Depot.Cli.Organizations;

/// <summary><c>depot org list</c>.</summary>
internal static class ListOrganizationsCommand
{
    public static CliCommand Create() => new()
    {
        Name = "list",
        Aliases = ["ls"],
        Summary = "List the organizations that you are in",
        Flags = () => new ListArguments().Table(),
        Run = RunAsync,
    };

    private static async Task<int> RunAsync(CliContext cli, string[] words, CancellationToken cancellation)
    {
        var arguments = new ListArguments();
        arguments.Table().ParseAll("depot org list", words, cli.Warn);
        var format = Listing.ParseFormat(arguments.Output, cli);
        using var credentials = Credentials.Resolve(arguments.Token, cli);
        await using var api = cli.OpenAccountApi();
        var organizations = (await api.ListOrganizationsAsync(credentials, cancellation)).Organizations;

        // The names of these two are unlike every other listing's; scripts know them so.
        return Listing.Write(cli, format, new Table<Organization>(
            [new("Organization ID", "OrgId", known => known.OrgId), new("Name", "Name", known => known.Name)], organizations));
    }
}
