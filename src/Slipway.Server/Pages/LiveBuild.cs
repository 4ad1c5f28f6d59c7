using System.Text;
using Slipway.Server.Access;
using Slipway.Server.Builds;
using Slipway.Server.Records;
using Slipway.Server.Sessions;

namespace Slipway.Server.Pages;

/// <summary>A running build's page: an answer that stays open, to which lines are added as they come. At the build's end the browser is told to load the page anew.</summary>
/// <remarks>
/// No script, so that the pages' policy needs no hole. Not a page that reloads itself: that takes the reader's place in the log away, and the focus
/// (WCAG 2.2, technique F41).
/// </remarks>
internal sealed class LiveBuild(
    Page page, Build build, IDisposable room, BuildStore builds, RecordStore records, SignIn signIn, IHostApplicationLifetime lifetime, TimeProvider clock)
    : IResult
{
    private const int LinesAtOnce = 1000;
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(1);

    /// <summary>Proxies cut what is silent for a minute.</summary>
    private static readonly TimeSpan SilenceMax = TimeSpan.FromSeconds(15);

    /// <summary>Rights that were taken away end the page within this.</summary>
    private static readonly TimeSpan RightsFor = TimeSpan.FromSeconds(5);

    /// <summary>For a reader that takes nothing: somebody closed the lid of a laptop.</summary>
    private static readonly TimeSpan WriteMax = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan OpenMax = TimeSpan.FromMinutes(30);

    private readonly Dictionary<string, long> _told = new(StringComparer.Ordinal);
    private readonly HashSet<string> _done = new(StringComparer.Ordinal);
    private string _speaker = "";

    public async Task ExecuteAsync(HttpContext httpContext)
    {
        using (room)
        {
            page.Begin(httpContext);
            using var ends = CancellationTokenSource.CreateLinkedTokenSource(httpContext.RequestAborted, lifetime.ApplicationStopping);
            try
            {
                await WriteAsync(httpContext, $"{page.Top(httpContext).Markup}{page.Body.Markup}<pre class=\"log\" role=\"log\" tabindex=\"0\" aria-label=\"Log, as it comes\">");
                var end = await FollowAsync(httpContext, ends.Token);
                await WriteAsync(httpContext, $"</pre>{end.Markup}{PageFrame.Bottom.Markup}");
            }
            catch (OperationCanceledException)
            {
                // The reader has left or takes nothing, or the server stops: what was sent stays to be read.
                httpContext.Abort();
            }
        }
    }

    /// <summary>Tells what comes until there is no more to come; answers what the page ends with.</summary>
    private async Task<Html> FollowAsync(HttpContext http, CancellationToken cancellation)
    {
        var (opened, asked, written) = (clock.GetTimestamp(), clock.GetTimestamp(), clock.GetTimestamp());
        while (clock.GetElapsedTime(opened) < OpenMax)
        {
            // Asked before the lines are read: what a build says before its end is read after it.
            var runs = builds.Find(build.Id) is { IsRunning: true };
            if (News() is { Markup.Length: > 0 } news)
            {
                await WriteAsync(http, news.Markup);
                written = clock.GetTimestamp();
                continue;
            }

            if (!runs)
            {
                return Html.Of($"""<meta http-equiv="refresh" content="0;url=/builds/{build.Id}"><p class="lead">It is over: <a href="/builds/{build.Id}">see the result</a>.</p>""");
            }

            if (clock.GetElapsedTime(asked) >= RightsFor)
            {
                if (!await MayReadAsync(http))
                {
                    return Html.Of($"<p>You are signed out, or your account does not reach this build any more.</p>");
                }

                asked = clock.GetTimestamp();
            }

            if (clock.GetElapsedTime(written) >= SilenceMax)
            {
                await WriteAsync(http, "<!-- -->");
                written = clock.GetTimestamp();
            }

            await Task.Delay(Look, clock, cancellation);
        }

        return Html.Of($"""<p><a href="/builds/{build.Id}">Go on following</a></p>""");
    }

    /// <summary>The lines that were not told yet, a page of each architecture's, and the steps that ended.</summary>
    private Html News()
    {
        var told = new List<Html>();
        foreach (var architecture in builds.ListAdmissions(build.Id).Select(stay => stay.Architecture))
        {
            foreach (var line in records.ListLinesOf(build.Id, architecture, _told.GetValueOrDefault(architecture), LinesAtOnce))
            {
                _told[architecture] = line.Sequence;
                told.Add(LogView.Line(line, ref _speaker, withSteps: true));
            }
        }

        foreach (var step in records.ListSteps(build.Id).Where(step => step.CompletedAt is not null && _done.Add($"{step.Architecture} {step.Digest}")))
        {
            _speaker = "";
            told.Add(Html.Of(
                $"""<span class="step {StepTable.StateOf(step)}">{StepTable.StateOf(step)}: {step.Name}{(step.Cached || step.StartedAt is not { } from ? "" : $", {PageText.Duration(from, step.CompletedAt)}")}</span>{"\n"}"""));
        }

        return Html.Join(told);
    }

    private async Task<bool> MayReadAsync(HttpContext http) => await signIn.RecognizeAsync(http) is { } visitor
        && AccessControl.Allows(visitor.Caller, CallerAction.ReadBuilds, Resource.Of(build.Id, build));

    private async Task WriteAsync(HttpContext http, string markup)
    {
        using var patience = new CancellationTokenSource(WriteMax, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, patience.Token);
        await http.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(markup), either.Token);
        await http.Response.Body.FlushAsync(either.Token);
    }
}
