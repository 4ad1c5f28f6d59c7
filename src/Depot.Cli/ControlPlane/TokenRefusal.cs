using System.Globalization;

namespace Depot.Cli.ControlPlane;

/// <summary>What this side knows about a token that the server refused.</summary>
internal static class TokenRefusal
{
    /// <summary>Verifiers allow a minute; more is a clock to be set.</summary>
    private static readonly TimeSpan ClockLeeway = TimeSpan.FromMinutes(1);

    public static string Explain(string source, string token, DateTimeOffset? serverTime, DateTimeOffset now)
    {
        if (serverTime is { } theirs && (now - theirs).Duration() > ClockLeeway)
        {
            return $"This machine's clock is {Describe((now - theirs).Duration())} {(now > theirs ? "ahead of" : "behind")} the server's: set it, then try again (the token is the one of {source}).";
        }

        if (TokenShape.LifetimeOf(token) is var (from, until))
        {
            if (until <= now)
            {
                return $"The token of {source} expired {Describe(now - until)} ago: get a new one.";
            }

            if (from > now + ClockLeeway)
            {
                return $"The token of {source} is valid in {Describe(from.Value - now)} only: is this machine's clock, or its issuer's, off?";
            }
        }

        return $"The token is the one of {source}; `depot login`, or `slipway admin token create`, makes a new one.";
    }

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
