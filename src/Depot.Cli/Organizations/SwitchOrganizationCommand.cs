using Depot.Cli.ControlPlane;
using Depot.Cli.Flags;
using Depot.Cli.Login;
using Depot.Cli.Rendering;
using Slipway.Contract.Depot.Core.V1;

namespace Depot.Cli.Organizations;

/// <summary><c>depot org switch</c>.</summary>
internal static class SwitchOrganizationCommand
{
    private const string Name = "depot org switch";

    public static CliCommand Create() => new()
    {
        Name = "switch",
        Arguments = "[org-id]",
        Summary = "Choose the organization to work in",
        Flags = () => Table(_ => { }),
        Run = RunAsync,
    };

    private static FlagTable Table(Action<string> token) => new FlagTable().Text("token", null, "Depot API token", token);

    private static async Task<int> RunAsync(CliContext cli, string[] words, CancellationToken cancellation)
    {
        var token = "";
        var rest = Table(value => token = value).ParseAll(Name, words, cli.Warn, max: 1);
        using var credentials = Credentials.Resolve(token, cli);
        await using var api = cli.OpenAccountApi();
        var known = (await api.ListOrganizationsAsync(credentials, cancellation)).Organizations;
        var chosen = rest is [var wanted] ? Named(wanted, known) : await AskAsync(cli, known, cancellation);
        DeviceLogin.Store(cli, cli.Settings.StoredLogin with { OrganizationId = chosen.OrgId });
        cli.Output.WriteLine("Current organization updated.");
        return ExitCode.Done;
    }

    private static Organization Named(string wanted, IReadOnlyList<Organization> known) =>
        known.FirstOrDefault(organization => organization.OrgId == wanted)
        ?? throw new CliException($"organization with ID {wanted} not found") { Remedy = Listed(known) };

    private static async Task<Organization> AskAsync(CliContext cli, IReadOnlyList<Organization> known, CancellationToken cancellation)
    {
        if (!cli.IsInteractive || known.Count == 0)
        {
            throw new CliException("missing organization ID") { Remedy = Listed(known) };
        }

        var names = known.Select(organization => $"{organization.Name} ({organization.OrgId})").ToList();
        return known[await new Questions(cli.Terminal).ChooseAsync("Select an organization", names, cancellation)];
    }

    private static string Listed(IReadOnlyList<Organization> known) => known.Count == 0
        ? "You are in no organization yet: ask somebody who is to invite you."
        : $"Yours: {string.Join(", ", known.Select(organization => $"{organization.OrgId} ({organization.Name})"))}";
}
