using Google.Protobuf.WellKnownTypes;

namespace Slipway.Server.Storage;

/// <summary>Times as the database has them: Unix milliseconds.</summary>
internal static class Times
{
    public static long Now(this TimeProvider clock) => clock.GetUtcNow().ToUnixTimeMilliseconds();

    public static long Milliseconds(this TimeSpan span) => (long)span.TotalMilliseconds;

    public static Timestamp? ToWire(this long? milliseconds) => milliseconds?.ToWire();

    public static Timestamp ToWire(this long milliseconds) =>
        Timestamp.FromDateTimeOffset(DateTimeOffset.FromUnixTimeMilliseconds(milliseconds));

    public static long? FromWire(this Timestamp? time) => time?.ToDateTimeOffset().ToUnixTimeMilliseconds();
}
