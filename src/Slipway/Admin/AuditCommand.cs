using System.CommandLine;
using Slipway.Contract.Admin.V1;

namespace Slipway.Admin;

/// <summary><c>slipway admin audit</c>.</summary>
internal static class AuditCommand
{
    public static Command Create()
    {
        var organization = new Option<string?>("--org") { Description = "only of this organization" };
        var project = new Option<string?>("--project") { Description = "only of this project" };
        var actor = new Option<string?>("--actor") { Description = "an id, or a part of a name" };
        var action = new Option<string?>("--action") { Description = "the beginning of an action, for example token." };
        var denied = new Option<bool>("--denied") { Description = "only what was refused" };
        var since = new Option<string?>("--since") { Description = "only of this last time, for example 24h" };
        var count = new Option<int>("--limit") { Description = "how many (default 100)" };
        var before = new Option<long>("--before") { Description = "only records older than this number" };
        return new Command("audit", "Show who did what, and who was refused, newest first")
        {
            organization, project, actor, action, denied, since, count, before,
        }.Calls(
            (client, parsed, cancellation) => client.ListAuditAsync(
                new ListAuditRequest
                {
                    OrganizationId = parsed.GetValue(organization) ?? "",
                    ProjectId = parsed.GetValue(project) ?? "",
                    Actor = parsed.GetValue(actor) ?? "",
                    Action = parsed.GetValue(action) ?? "",
                    Outcome = parsed.GetValue(denied) ? "denied" : "",
                    SinceSeconds = AdminCommand.Seconds(parsed.GetValue(since), "--since"),
                    PageSize = parsed.GetValue(count),
                    BeforeSequence = parsed.GetValue(before),
                },
                cancellationToken: cancellation).ResponseAsync,
            found => Table.Render(
                ["NUMBER", "AT", "WHO", "FROM", "OUTCOME", "ACTION", "ON", "DETAIL"],
                found.Records.Select(r => new[]
                {
                    FormattableString.Invariant($"{r.Sequence}"), r.At.Text(), r.Actor, r.Address, r.Outcome, r.Action, r.Target, r.Detail,
                })));
    }
}
