namespace Slipway.Builder.Proxying;

/// <summary>What the relay does with a stream's request.</summary>
internal enum StreamPhase
{
    /// <summary>Frames pass.</summary>
    Passing,

    /// <summary>The request message is gathered and judged before the engine hears of the call.</summary>
    Held,

    /// <summary>The request is read and dropped; the relay answers.</summary>
    Answering,
}

/// <summary>One call on a relayed connection. The two sides number it differently, since refused calls never reach the engine.</summary>
internal sealed class RelayStream(int clientId, CallVerdict verdict, StreamPhase phase)
{
    public int ClientId { get; } = clientId;

    /// <summary>Zero until the engine knows the call.</summary>
    public int EngineId { get; set; }

    public StreamPhase Phase { get; set; } = phase;

    public CallVerdict Verdict { get; } = verdict;

    public CallWatch? Watch { get; set; }

    public bool ClientEnded { get; set; }

    public bool EngineEnded { get; set; }

    /// <summary>The client has seen response headers already, so an end must be told in trailers.</summary>
    public bool ResponseStarted { get; set; }

    /// <summary>The client has reset it: what is queued for the client is dropped.</summary>
    public bool ClientGone { get; set; }

    /// <summary>The engine has reset it: what is queued for the engine is dropped.</summary>
    public bool EngineGone { get; set; }

    /// <summary>Held: the request so far.</summary>
    public ByteBuffer? Body { get; set; }

    /// <summary>Answering: how much of the request has been dropped.</summary>
    public long DroppedBytes { get; set; }

    /// <summary>Held and answering: what the client may still send on the stream.</summary>
    public long ClientCredit { get; set; }

    /// <summary>What the engine has granted and the client has not been told of yet.</summary>
    public long Withheld { get; set; }

    /// <summary>What the client granted for the response before the engine knew the call.</summary>
    public long EarlyGrant { get; set; }

    public CancellationTokenSource? Answer { get; set; }

    public bool IsOver => ClientEnded && EngineEnded;
}

/// <summary>A message of the relay's own (or one it has judged) on its way into a stream, as windows allow.</summary>
/// <param name="streamId">As the receiver numbers it.</param>
/// <param name="trailers">Header block that ends the stream; null when the last DATA frame ends it.</param>
internal sealed class Injection(RelayStream stream, int streamId, ReadOnlyMemory<byte> body, byte[]? trailers)
{
    public RelayStream Stream { get; } = stream;

    public int StreamId { get; } = streamId;

    public ReadOnlyMemory<byte> Body { get; set; } = body;

    public byte[]? Trailers { get; } = trailers;

    /// <summary>The receiver's window of the stream.</summary>
    public long Credit { get; set; }
}
