using Google.Protobuf.WellKnownTypes;

namespace Slipway.BuildKit.Progress;

/// <summary>Wire times in whole nanoseconds; .NET's own times stop at a hundred.</summary>
public static class TimestampExtensions
{
    /// <summary>Nanoseconds since the Unix epoch; an absent time is the epoch, as in BuildKit's own client.</summary>
    public static long ToNanoseconds(this Timestamp? time) => time is null ? 0 : (time.Seconds * 1_000_000_000) + time.Nanos;
}
