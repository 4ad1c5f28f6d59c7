namespace Slipway.Builder.ControlPlane;

/// <summary>The server's time of day, with this machine's passing of time: what a certificate's dates, which the server set, are judged by.</summary>
internal sealed class ServerClock(ProvingHandler proving, TimeProvider machine) : TimeProvider
{
    public override long TimestampFrequency => machine.TimestampFrequency;

    public override DateTimeOffset GetUtcNow() => proving.Now;

    public override long GetTimestamp() => machine.GetTimestamp();

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        machine.CreateTimer(callback, state, dueTime, period);
}
