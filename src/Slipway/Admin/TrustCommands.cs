using System.CommandLine;
using System.Text;
using Slipway.Contract.Admin.V1;
using Slipway.Server.Trust;

namespace Slipway.Admin;

/// <summary><c>slipway admin trust</c>: whose CI jobs may build a project without a stored token.</summary>
internal static class TrustCommands
{
    public static Command Create() => new("trust", "Trust relationships with CI providers") { Add(), List(), Remove() };

    private static Command Add()
    {
        var project = new Option<string>("--project") { Description = "project id", Required = true };
        var provider = new Option<string>("--provider") { Description = "buildkite, github, gitlab, circleci or oidc", Required = true };
        provider.AcceptOnlyFromAmong([.. TrustField.Providers]);
        var issuer = new Option<string?>("--issuer") { Description = "the tokens' issuer, where it is not the provider's usual one" };
        var depot = new Option<bool>("--allow-depot-audience")
        {
            Description = "take tokens for https://depot.dev, the only audience that the published client asks for",
        };
        var once = new Option<bool>("--single-use") { Description = "take each token for one build only" };
        var tier = new Option<string?>("--tier")
        {
            Description = "trusted, untrusted (engine and cache apart from the project's own) or claims (as each token says; usual for github and gitlab)",
        };
        var from = AdminCommand.From();
        var command = new Command("add", "Let jobs of a CI provider build a project") { project, provider, issuer, depot, once, tier, from };
        TrustFlags.All.ForEach(flag => command.Options.Add(flag.Option));
        command.Options.Add(TrustFlags.Claim);
        command.Options.Add(TrustFlags.ClaimIn);
        command.Options.Add(TrustFlags.ClaimMatches);
        return command.Calls(
            (client, parsed, cancellation) =>
            {
                var request = new AddTrustRequest
                {
                    ProjectId = parsed.GetRequiredValue(project),
                    Provider = parsed.GetRequiredValue(provider),
                    Issuer = parsed.GetValue(issuer) ?? TrustFlags.IssuerOf(parsed),
                    AllowDepotAudience = parsed.GetValue(depot),
                    SingleUse = parsed.GetValue(once),
                    Tier = parsed.GetValue(tier) ?? "",
                };
                request.AllowedFrom.AddRange(AdminCommand.Addresses(parsed.GetValue(from)));
                request.Conditions.AddRange(TrustFlags.Read(parsed, request.Provider));
                return client.AddTrustAsync(request, cancellationToken: cancellation).ResponseAsync;
            },
            Describe);
    }

    private static Command List()
    {
        var project = new Option<string>("--project") { Description = "project id", Required = true };
        return new Command("list", "List a project's trust relationships") { project }.Calls(
            (client, parsed, cancellation) => client.ListTrustAsync(
                new ListTrustRequest { ProjectId = parsed.GetRequiredValue(project) }, cancellationToken: cancellation).ResponseAsync,
            found => Table.Render(
                ["ID", "PROVIDER", "ISSUER", "JOBS WITH", "TIER", "FROM", "CREATED", "LAST USED"],
                found.Trust.Select(t => new[] { t.Id, t.Provider, t.Issuer, Conditions(t), t.Tier, string.Join(',', t.AllowedFrom), t.CreatedAt.Text(), t.LastUsedAt.Text() })));
    }

    private static Command Remove()
    {
        var id = new Argument<string>("ID");
        return new Command("remove", "Remove a trust relationship") { id }.Calls(
            (client, parsed, cancellation) => client.RemoveTrustAsync(
                new RemoveTrustRequest { TrustId = parsed.GetRequiredValue(id) }, cancellationToken: cancellation).ResponseAsync,
            _ => "");
    }

    // The id alone on its line, for scripts; what the owner should know after it.
    private static string Describe(Trust made) =>
        made.Warnings.Aggregate(new StringBuilder(made.Id), (text, warning) => text.Append("\nnote: ").Append(warning)).ToString();

    private static string Conditions(Trust trust) => string.Join(", ", trust.Conditions.Select(condition => condition.Operator switch
    {
        "equals" => $"{condition.Claim}={condition.Values[0]}",
        "in" => $"{condition.Claim} in {string.Join('|', condition.Values)}",
        _ => $"{condition.Claim} like {condition.Values[0]}",
    }));
}
