using Slipway.Server.Access;
using Slipway.Server.Audit;
using Slipway.Server.Projects;
using Slipway.Server.Sessions;
using Slipway.Server.Storage;
using Slipway.Server.Trust;

namespace Slipway.Server.Pages;

/// <summary>Which CI jobs may build a project without a stored token, whether they do, and why others were refused.</summary>
internal static class TrustPages
{
    private const int RefusedMax = 10;
    private static readonly long RefusedFor = TimeSpan.FromDays(7).Milliseconds();

    public static void MapTrust(this IEndpointRouteBuilder pages)
    {
        pages.MapGet("/projects/{id}/trust", (HttpContext http, ManageTrust trust, AuditStore audit, ProjectStore projects, TimeProvider clock, string id, string? provider) =>
            Show(http, trust, audit, ProjectPages.Find(http, projects, CallerAction.ReadTrust, id), clock, new TrustForm(TrustForm.ProviderOf(provider), _ => "")));
        pages.MapPost("/projects/{id}/trust", AddAsync);
        pages.MapPost("/projects/{id}/trust/{relationship}/remove", RemoveAsync);
    }

    private static Page Show(HttpContext http, ManageTrust trust, AuditStore audit, Project project, TimeProvider clock, TrustForm form)
    {
        var visitor = PageGate.Here(http);
        var resource = Resource.Of(project.Id, project);
        var manages = AccessControl.Allows(visitor.Caller, CallerAction.ManageTrust, resource);
        var now = clock.Now();
        var policies = trust.List(project.Id, visitor.Caller);
        return new Page(
            "Trust relationships",
            Html.Of(
                $"""
                <p>A trust relationship lets jobs of a CI system build this project without a stored token: the system vouches for the job with a token that ends within minutes.</p>
                {(policies.Count == 0 ? Html.Of($"""<p class="soft">There is none yet.{(manages ? "" : " An owner of the organization can add one here.")}</p>""") : Html.Join(policies.Select(policy => Card(visitor, policy, manages, now))))}
                {(AccessControl.Allows(visitor.Caller, CallerAction.ReadAudit, resource) ? Refused(audit.ListRefused(project.Id, now - RefusedFor, RefusedMax), now) : Html.Nothing)}
                {(manages ? form.Render(visitor, project.Id) : Html.Nothing)}
                <section><h2>In the pipeline</h2>
                <p>With a trust relationship a step needs the project's id and nothing else; the client finds the token by itself.</p>
                {Snippets.Buildkite(http, project.Id, withToken: false)}
                </section>
                """))
        {
            Place = Place.In(project, Place.Trust),
        };
    }

    private static Html Card(Visitor visitor, TrustPolicy policy, bool manages, long now) => Html.Of(
        $"""
        <section class="card" id="{policy.Id}">
        <h2>{TrustForm.NameOf(policy.Provider)}: {TrustWords.Conditions(policy)}</h2>
        <p>{(policy.LastUsedAt is null
            ? Html.Of($"""<span class="status waiting">waiting</span> No job's token has matched yet.""")
            : Html.Of($"""<span class="status active">active</span> A job's token last matched {PageText.Ago(policy.LastUsedAt, now)}."""))}</p>
        <dl>
        <dt>Builds are</dt><dd>{TrustWords.Tier(policy.Tier)}</dd>
        <dt>Issuer</dt><dd>{policy.Issuer}</dd>
        {Row("Pinned", string.Join(", ", policy.ReadPins().Select(pin => $"{pin.Key} {pin.Value}")))}
        {Row("Only from", policy.AllowedFrom.Replace(",", ", ", StringComparison.Ordinal))}
        {Row("Each token", policy.SingleUse ? "opens one build" : "")}
        <dt>Added</dt><dd>{PageText.Time(policy.CreatedAt)}{(policy.CreatedBy.Length > 0 ? $" by {policy.CreatedBy}" : "")}</dd>
        <dt>Id</dt><dd><code>{policy.Id}</code></dd>
        </dl>
        {Html.Join(TrustRules.Warnings(policy).Select(warning => Html.Of($"""<p class="note">{warning}</p>""")))}
        {(manages ? Form.Confirm(visitor, $"/projects/{policy.ProjectId}/trust/{policy.Id}/remove", "Remove…", "Its jobs are refused from their next call on. Builds that run go on.", "Remove the relationship") : Html.Nothing)}
        </section>
        """);

    private static Html Row(string what, string value) => value.Length == 0 ? Html.Nothing : Html.Of($"<dt>{what}</dt><dd>{value}</dd>");

    private static Html Refused(IReadOnlyList<AuditEntry> refused, long now) => Html.Of(
        $"""
        <section><h2>Refused in the last seven days</h2>
        {PageTable.Of(
            "Refused tokens, newest first",
            ["When", "Job or token", "Why", "From"],
            refused.Select(entry => new[] { PageText.Ago(entry.At, now), PageTable.Text(entry.Actor), PageTable.Text(entry.Detail), PageTable.Text(entry.Address) }),
            Html.Of($"Nothing was refused. A job shows up here when its organization is right and something else is not."))}
        </section>
        """);

    private static async Task<IResult> AddAsync(
        HttpContext http, ManageTrust trust, AuditStore audit, ProjectStore projects, TimeProvider clock, string id)
    {
        var project = ProjectPages.Find(http, projects, CallerAction.ManageTrust, id);
        var typed = await Form.ReadAsync(http);
        var form = new TrustForm(TrustForm.ProviderOf(typed("provider")), typed);
        return await Form.TryAsync(
            async () =>
            {
                var added = await trust.AddAsync(form.Read(id), PageGate.Here(http).Caller, http.RequestAborted);
                return Form.Done(http, $"/projects/{id}/trust#{added.Id}");
            },
            problem => Show(http, trust, audit, project, clock, form with { Problem = problem }));
    }

    private static async Task<IResult> RemoveAsync(HttpContext http, ManageTrust trust, string id, string relationship)
    {
        await trust.RemoveAsync(relationship, id, PageGate.Here(http).Caller, http.RequestAborted);
        return Form.Done(http, $"/projects/{id}/trust");
    }
}
