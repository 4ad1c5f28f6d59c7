using System.Globalization;

namespace Depot.Cli.ControlPlane;

/// <summary>What this side knows about a token that the server refused.</summary>
internal static class TokenRefusal
{
    /// <summary>Verifiers allow a minute; more is a clock to be set.</summary>
    private static readonly TimeSpan ClockLeeway = TimeSpan.FromMinutes(1);

    /// <param name="token">Which one it is, in words: <c>the token of DEPOT_TOKEN</c>.</param>
    /// <param name="text">The token itself; one that says when it is valid was judged by the server's clock, not by this machine's.</param>
    public static string Explain(string token, string text, DateTimeOffset? serverTime, DateTimeOffset now)
    {
        var judgedAt = serverTime ?? now;
        return TokenShape.LifetimeOf(text) switch
        {
            var (_, until) when until <= judgedAt => WhichClock(serverTime, now) ?? $"It is {token}, which expired {Describe(judgedAt - until)} ago: get a new one.",
            ({ } from, _) when from > judgedAt + ClockLeeway => WhichClock(serverTime, now)
                ?? $"It is {token}, which is not valid for another {Describe(from - judgedAt)}: is the clock of its issuer off?",
            (_, _) => $"It is {token}.",
            null => $"It is {token}; `depot login`, or `slipway admin token create`, makes a new one.",
        };
    }

    /// <summary>Which of the two is wrong nobody here can know.</summary>
    private static string? WhichClock(DateTimeOffset? serverTime, DateTimeOffset now) => serverTime is { } theirs && (now - theirs).Duration() > ClockLeeway
        ? $"This machine's clock is {Describe((now - theirs).Duration())} {(now > theirs ? "ahead of" : "behind")} the server's: set the one that is wrong, then try again."
        : null;

    private static string Describe(TimeSpan time)
    {
        var (count, unit) = time.TotalSeconds < 90 ? (time.TotalSeconds, "second")
            : time.TotalMinutes < 90 ? (time.TotalMinutes, "minute")
            : time.TotalHours < 48 ? (time.TotalHours, "hour")
            : (time.TotalDays, "day");
        var whole = Math.Max(1, (long)Math.Round(count));
        return string.Create(CultureInfo.InvariantCulture, $"{whole} {unit}{(whole == 1 ? "" : "s")}");
    }
}
