using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Http2;

namespace Slipway.Builder.Proxying;

/// <summary>Why a call does not go to the engine, in words for the build's user.</summary>
internal sealed record Refusal(GrpcStatusCode Code, string Message);

/// <summary>What the policy says of a call when its headers are known.</summary>
internal abstract record CallVerdict
{
    private CallVerdict()
    {
    }

    /// <summary>The call passes; <paramref name="Watch"/> sees how it ends.</summary>
    public sealed record Pass(CallWatch? Watch = null) : CallVerdict;

    /// <summary>The request's one message decides.</summary>
    /// <param name="Judge">Takes the message (uncompressed protobuf) and says what to send instead of it.</param>
    public sealed record Hold(Func<ReadOnlyMemory<byte>, Judgement> Judge, IReadOnlyList<HeaderField> Headers) : CallVerdict;

    /// <summary>The builder answers.</summary>
    public sealed record Answer(Func<CancellationToken, ValueTask<ReadOnlyMemory<byte>>> Respond) : CallVerdict;

    public sealed record Refuse(Refusal Reason) : CallVerdict;
}

/// <summary>What becomes of a held message.</summary>
internal readonly record struct Judgement
{
    public Refusal? Refusal { get; private init; }

    public ReadOnlyMemory<byte> Message { get; private init; }

    public CallWatch? Watch { get; private init; }

    public static Judgement Send(ReadOnlyMemory<byte> message, CallWatch? watch = null) => new() { Message = message, Watch = watch };

    public static Judgement Refuse(GrpcStatusCode code, string message) => new() { Refusal = new Refusal(code, message) };
}

/// <summary>Sees the response of one call pass, and how the call ended.</summary>
internal abstract class CallWatch
{
    private bool _ended;

    /// <summary>Whether <see cref="Observe"/> wants the response's bytes.</summary>
    public virtual bool Reads => false;

    /// <summary>Response bytes as gRPC frames them, in order, cut anywhere.</summary>
    public virtual void Observe(ReadOnlySpan<byte> response)
    {
    }

    /// <summary>The call is over; only the first word counts.</summary>
    public void End(GrpcStatusCode code, string message)
    {
        if (!_ended)
        {
            _ended = true;
            Ended(code, message);
        }
    }

    protected abstract void Ended(GrpcStatusCode code, string message);
}
