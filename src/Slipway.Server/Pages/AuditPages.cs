using System.Globalization;
using Slipway.Server.Access;
using Slipway.Server.Audit;
using Slipway.Server.Projects;
using Slipway.Server.Storage;
using ListAuditRequest = Slipway.Contract.Admin.V1.ListAuditRequest;

namespace Slipway.Server.Pages;

/// <summary>Who did what, and who was refused: an organization's, and for the operator the whole server's.</summary>
internal static class AuditPages
{
    private const int PageSize = 100;

    public static void MapAudit(this IEndpointRouteBuilder pages)
    {
        pages.MapGet("/orgs/{org}/audit", (HttpContext http, ReadAudit audit, ProjectStore projects, TimeProvider clock, string org) =>
            Show(http, audit, clock, OrganizationPages.Find(http, projects, CallerAction.ReadAudit, org)));
        pages.MapGet("/audit", (HttpContext http, ReadAudit audit, TimeProvider clock) => Show(http, audit, clock, null));
    }

    private static Page Show(HttpContext http, ReadAudit audit, TimeProvider clock, Organization? organization)
    {
        // Asked here, too: who owns one organization and names none would get that one's.
        var visitor = PageGate.Here(http);
        AccessControl.Authorize(
            visitor.Caller, CallerAction.ReadAudit, organization is null ? Resource.Instance : Resource.Of(organization.Id, organization));
        var asked = http.Request.Query;
        var (actor, action, denied) = (asked["actor"].ToString().Trim(), asked["action"].ToString().Trim(), asked["denied"] == "yes");
        var records = audit.Page(
            new ListAuditRequest
            {
                OrganizationId = organization?.Id ?? "",
                Actor = actor,
                Action = action,
                Outcome = denied ? AuditEntry.Refused : "",
                BeforeSequence = long.TryParse(asked["after"], CultureInfo.InvariantCulture, out var before) ? before : 0,
                PageSize = PageSize,
            },
            visitor.Caller);
        var path = organization is null ? "/audit" : $"/orgs/{organization.Id}/audit";
        return new Page(
            organization is null ? "Audit of the whole server" : "Audit",
            Html.Of(
                $"""
                <form class="filter" method="get" action="{path}" role="search">
                {new Field("actor", "Who") { Value = actor, Type = "search", IsQuestion = true }.Render()}
                {new Field("action", "Action begins with") { Value = action, Type = "search", IsQuestion = true }.Render()}
                {Field.Check("denied", "Refused only", denied)}
                <button class="quiet">Show</button>
                </form>
                {PageTable.Of(
                    "Audit records, newest first",
                    ["When", "Who", "From", "Action", "Outcome", "On", "Detail"],
                    records.Select(record => Row(record, clock.Now())),
                    Html.Of($"Nothing is recorded that is like this."))}
                {BuildTable.Older(
                    path, records.Count < PageSize ? "" : string.Create(CultureInfo.InvariantCulture, $"{records[^1].Sequence}"),
                    ("actor", actor), ("action", action), ("denied", denied ? "yes" : ""))}
                {(organization is not null && AccessControl.Allows(visitor.Caller, CallerAction.ReadAudit, Resource.Instance) ? Html.Of($"""<p><a href="/audit">The whole server's</a></p>""") : Html.Nothing)}
                """))
        {
            Place = new Place(Place.Audit, organization?.Id ?? ""),
        };
    }

    // A method's name may go on in the next line after a part of it.
    private static Html Breakable(string action) => new(Html.Of($"{action}").Markup.Replace("/", "/<wbr>", StringComparison.Ordinal));

    private static Html[] Row(AuditEntry record, long now) =>
    [
        PageText.Ago(record.At, now),
        PageTable.Text(record.Actor),
        PageTable.Text(record.Address),
        Html.Of($"<code>{Breakable(record.Action)}</code>"),
        Html.Of($"""<span class="status {record.Outcome}">{record.Outcome}</span>"""),
        PageTable.Text(record.Target),
        PageTable.Text(record.Detail),
    ];
}
