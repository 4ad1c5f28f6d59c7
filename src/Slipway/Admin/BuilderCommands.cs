using System.CommandLine;
using System.Globalization;
using Slipway.Contract.Admin.V1;
using Machine = Slipway.Contract.Admin.V1.Builder;

namespace Slipway.Admin;

/// <summary><c>slipway admin builder</c>.</summary>
internal static class BuilderCommands
{
    public static Command Create() => new("builder", "Builders") { List(), JoinToken(), Drain(), Remove() };

    private static Command List() => new Command("list", "List builders").Calls(
        (client, _, cancellation) => client.ListBuildersAsync(new ListBuildersRequest(), cancellationToken: cancellation).ResponseAsync,
        found => Table.Render(
            ["ID", "NAME", "STATE", "ARCHITECTURES", "ENGINE", "ADDRESS", "BUILDS", "LAST SEEN"],
            found.Builders.Select(b => new[]
            {
                b.Id, b.Name, (b.Connected ? "connected" : "away") + (b.Draining ? ", draining" : ""), string.Join(',', b.Architectures),
                $"{b.EngineKind} {b.EngineVersion}", b.Address, b.RunningBuilds.ToString(CultureInfo.InvariantCulture), b.LastSeenAt.Text(),
            })));

    private static Command JoinToken()
    {
        var expires = new Option<string?>("--expires")
        {
            Description = "let as many builders join as come within this time (default: one, within 10m)",
        };
        var from = AdminCommand.From();
        return new Command("join-token", "Create a token that a builder joins with") { expires, from }.Calls(
            (client, parsed, cancellation) => client.CreateJoinTokenAsync(
                new CreateJoinTokenRequest
                {
                    ExpiresInSeconds = AdminCommand.Seconds(parsed.GetValue(expires)),
                    AllowedFrom = { AdminCommand.Addresses(parsed.GetValue(from)) },
                },
                cancellationToken: cancellation).ResponseAsync,
            made => made.Token);
    }

    private static Command Drain()
    {
        var id = new Argument<string>("ID");
        var undo = new Option<bool>("--undo") { Description = "let it take new work again" };
        return new Command("drain", "Place nothing new on a builder") { id, undo }.Calls(
            (client, parsed, cancellation) => DrainAsync(
                client, new DrainBuilderRequest { BuilderId = parsed.GetRequiredValue(id), Draining = !parsed.GetValue(undo) }, cancellation),
            builder => !builder.Draining ? $"builder {builder.Name} takes new builds again"
                : builder.RunningBuilds == 0 ? $"builder {builder.Name} takes nothing new; no build runs there"
                : $"builder {builder.Name} takes nothing new; builds that still run there: {builder.RunningBuilds}");
    }

    private static async Task<Machine> DrainAsync(AdminService.AdminServiceClient client, DrainBuilderRequest request, CancellationToken cancellation)
    {
        await client.DrainBuilderAsync(request, cancellationToken: cancellation);
        var all = await client.ListBuildersAsync(new ListBuildersRequest(), cancellationToken: cancellation);
        return all.Builders.Single(builder => builder.Id == request.BuilderId);
    }

    private static Command Remove()
    {
        var id = new Argument<string>("ID");
        return new Command("remove", "End a builder's identity") { id }.Calls(
            (client, parsed, cancellation) => client.RemoveBuilderAsync(
                new RemoveBuilderRequest { BuilderId = parsed.GetRequiredValue(id) }, cancellationToken: cancellation).ResponseAsync,
            _ => "");
    }
}
