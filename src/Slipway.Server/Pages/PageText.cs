using System.Globalization;

namespace Slipway.Server.Pages;

/// <summary>Times, durations and sizes as pages show them.</summary>
internal static class PageText
{
    public static string Time(long milliseconds) =>
        DateTimeOffset.FromUnixTimeMilliseconds(milliseconds).ToString("yyyy-MM-dd HH:mm:ss 'UTC'", CultureInfo.InvariantCulture);

    public static string Day(long milliseconds) =>
        DateTimeOffset.FromUnixTimeMilliseconds(milliseconds).ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);

    /// <summary>"3 minutes ago", with the time itself behind it.</summary>
    public static Html Ago(long? then, long now, string never = "never") => then is not { } at ? PageTable.Text(never) : Html.Of(
        $"""<time datetime="{DateTimeOffset.FromUnixTimeMilliseconds(at).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture)}" title="{Time(at)}">{(at <= now ? $"{Span(now - at)} ago" : $"in {Span(at - now)}")}</time>""");

    public static string Duration(long from, long? to) => to is { } end ? Duration(end - from) : "";

    public static string Duration(long milliseconds) => milliseconds switch
    {
        < 0 => "0.0 s",
        < 60_000 => string.Create(CultureInfo.InvariantCulture, $"{milliseconds / 1000.0:0.0} s"),
        < 3_600_000 => string.Create(CultureInfo.InvariantCulture, $"{milliseconds / 60_000} min {milliseconds % 60_000 / 1000} s"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{milliseconds / 3_600_000} h {milliseconds % 3_600_000 / 60_000} min"),
    };

    public static string Size(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1L << 30):0.##} GiB");

    private static string Span(long milliseconds) => TimeSpan.FromMilliseconds(milliseconds) switch
    {
        { TotalSeconds: < 60 } span => Many((int)span.TotalSeconds, "second"),
        { TotalMinutes: < 60 } span => Many((int)span.TotalMinutes, "minute"),
        { TotalHours: < 24 } span => Many((int)span.TotalHours, "hour"),
        var span => Many((int)span.TotalDays, "day"),
    };

    public static string Many(long count, string what) => string.Create(CultureInfo.InvariantCulture, $"{count} {what}{(count == 1 ? "" : "s")}");
}
