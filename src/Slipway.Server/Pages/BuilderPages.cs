using Slipway.Server.Builders;
using Slipway.Server.Sessions;
using Slipway.Server.Storage;
using Slipway.Server.Tokens;
using Machine = Slipway.Contract.Admin.V1.Builder;

namespace Slipway.Server.Pages;

/// <summary>The machines that build, for the operator.</summary>
internal static class BuilderPages
{
    public static void MapBuilders(this IEndpointRouteBuilder pages)
    {
        pages.MapGet("/builders", (HttpContext http, ManageBuilders manage, BuilderStore builders, Fleet fleet, TimeProvider clock) =>
            Show(http, manage, builders, fleet, clock));
        pages.MapPost("/builders/join-token", JoinAsync);
        pages.MapPost("/builders/{builder}/drain", DrainAsync);
        pages.MapPost("/builders/{builder}/remove", RemoveAsync);
    }

    private static Page Show(HttpContext http, ManageBuilders manage, BuilderStore builders, Fleet fleet, TimeProvider clock)
    {
        var visitor = PageGate.Here(http);
        var machines = manage.List(visitor.Caller).Builders;
        var (caches, now) = (builders.CountCaches(), clock.Now());
        return new Page(
            "Builders",
            Html.Of(
                $"""
                {PageTable.Of(
                    "Machines that build",
                    ["Builder", "State", "Builds for", "Engines and caches", "Last seen", "Change"],
                    machines.Select(machine => Row(visitor, machine, fleet.Find(machine.Id)?.Leases.Count ?? 0, caches.GetValueOrDefault(machine.Id), now)),
                    Html.Of($"None has joined yet."))}
                <section class="card"><h2>Another builder</h2>
                <p>A machine joins with a token that works once, for ten minutes.</p>
                {Form.Button(visitor, "/builders/join-token", "Make a join token")}
                </section>
                """))
        {
            Place = new Place(Place.Builders),
        };
    }

    private static Html[] Row(Visitor visitor, Machine machine, int engines, long caches, long now) =>
    [
        Html.Of($"""{machine.Name}<br><span class="soft"><code>{machine.Id}</code> {machine.Address}</span>"""),
        State(machine),
        Html.Of($"""{string.Join(", ", machine.Architectures.Select(one => $"linux/{one}"))}<br><span class="soft">{machine.EngineKind} {machine.EngineVersion}, slipway {machine.Version}</span>"""),
        Html.Of($"""{PageText.Many(engines, "engine")}, {PageText.Many(caches, "cache")}<br><span class="soft">{PageText.Many(machine.RunningBuilds, "build")} now</span>"""),
        machine.Connected ? PageTable.Text("now") : PageText.Ago(machine.LastSeenAt.FromWire(), now),
        Html.Of(
            $"""
            {Form.Button(visitor, $"/builders/{machine.Id}/drain", machine.Draining ? "Take builds again" : "Drain", ("draining", machine.Draining ? "no" : "yes"))}
            {Form.Confirm(visitor, $"/builders/{machine.Id}/remove", "Remove…", "Its identity ends, builds on it fail, and its caches are forgotten. Drain it first, and wait until nothing runs there.", "Remove the builder")}
            """),
    ];

    private static Html State(Machine machine) => Html.Of(
        $"""<span class="status {(machine.Connected ? "connected" : "away")}">{(machine.Connected ? "connected" : "away")}</span>{(machine.Draining ? Html.Of($""" <span class="status draining">draining</span>""") : Html.Nothing)}""");

    private static async Task<IResult> JoinAsync(HttpContext http, CreateToken create)
    {
        var (token, secret) = await create.ForJoiningAsync(NewToken.Usual, PageGate.Here(http).Caller, http.RequestAborted);
        return TokenPages.Made(
            http,
            new Place(Place.Builders),
            token,
            secret,
            Html.Of(
                $"""
                <p>On the machine that is to build:</p>
                {Snippets.Copyable("A command that joins", $"slipway builder --server {Snippets.Server(http)} --join {secret}")}
                <p><a href="/builders">Back to the builders</a></p>
                """));
    }

    private static async Task<IResult> DrainAsync(HttpContext http, ManageBuilders manage, string builder)
    {
        var typed = await Form.ReadAsync(http);
        await manage.DrainAsync(builder, typed("draining") != "no", PageGate.Here(http).Caller, http.RequestAborted);
        return Form.Done(http, "/builders");
    }

    private static async Task<IResult> RemoveAsync(HttpContext http, ManageBuilders manage, string builder)
    {
        await manage.RemoveAsync(builder, PageGate.Here(http).Caller, http.RequestAborted);
        return Form.Done(http, "/builders");
    }
}
