using System.Globalization;

namespace Slipway.Server.Pages;

/// <summary>Times and durations as pages show them.</summary>
internal static class PageText
{
    public static string Time(long milliseconds) =>
        DateTimeOffset.FromUnixTimeMilliseconds(milliseconds).ToString("yyyy-MM-dd HH:mm:ss 'UTC'", CultureInfo.InvariantCulture);

    public static string Duration(long from, long? to) =>
        to is { } end ? string.Create(CultureInfo.InvariantCulture, $"{(end - from) / 1000.0:0.0} s") : "";
}
