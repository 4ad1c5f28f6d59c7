using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Http2;

namespace Slipway.Builder.Proxying;

/// <summary>The calls of one relayed connection and the flow control of both directions. Everything here runs under the relay's lock.</summary>
internal sealed class RelayExchange(FrameSink toClient, FrameSink toEngine, BuildScope scope, MethodPolicy policy, Lock gate)
{
    private readonly Dictionary<int, RelayStream> _byClient = [];
    private readonly Dictionary<int, RelayStream> _byEngine = [];
    private readonly List<Injection> _toEngine = [];
    private readonly List<Injection> _toClient = [];
    private readonly HashSet<Task> _answers = [];
    private int _nextEngineId = 1;

    /// <summary>Client to engine.</summary>
    public ConnectionCredit Up { get; } = new();

    /// <summary>Engine to client.</summary>
    public ConnectionCredit Down { get; } = new();

    public RelaySettings ClientSettings { get; } = new(fromEngine: false);

    public RelaySettings EngineSettings { get; } = new(fromEngine: true);

    public int LastClientId { get; private set; }

    public int OpenCalls => _byClient.Count;

    /// <summary>The engine has said that it takes no new calls.</summary>
    public bool EngineLeaves { get; set; }

    public RelayStream? OfClient(int id)
    {
        if ((id & 1) == 0 || id > LastClientId)
        {
            throw new Http2Exception(Http2ErrorCode.ProtocolError, $"The client sent a frame on stream {id}, which it has not opened.");
        }

        return _byClient.GetValueOrDefault(id);
    }

    public RelayStream? OfEngine(int id)
    {
        if ((id & 1) == 0 || id >= _nextEngineId)
        {
            throw new Http2Exception(Http2ErrorCode.ProtocolError, $"The engine sent a frame on stream {id}, which was not opened.");
        }

        return _byEngine.GetValueOrDefault(id);
    }

    /// <summary>The client's header block: a new call, or trailers of one.</summary>
    public void TakeRequest(HeaderList list)
    {
        if ((list.StreamId & 1) == 0)
        {
            throw new Http2Exception(Http2ErrorCode.ProtocolError, $"The client opened stream {list.StreamId}, which is not a client's number.");
        }

        if (list.StreamId > LastClientId)
        {
            LastClientId = list.StreamId;
            Open(list);
        }
        else if (_byClient.TryGetValue(list.StreamId, out var stream))
        {
            TakeTrailers(stream, list);
        }
    }

    /// <summary>The engine's header block: response headers, trailers, or both in one.</summary>
    public void TakeResponse(HeaderList list)
    {
        if (OfEngine(list.StreamId) is not { } stream || stream.EngineEnded)
        {
            return;
        }

        Forward(Down, toClient, stream, stream.ClientId, HeaderBlocks.Encode(list.Fields), list.EndStream);
        stream.ResponseStarted = true;
        if (list.EndStream)
        {
            var (code, message) = GrpcBlocks.StatusOf(list.Fields);
            stream.Watch?.End(code, message);
            EndEngine(stream);
        }
    }

    /// <summary>The request has no more frames.</summary>
    public void EndClient(RelayStream stream)
    {
        stream.ClientEnded = true;
        switch (stream.Phase)
        {
            case StreamPhase.Held:
                JudgeHeld(stream);
                break;
            case StreamPhase.Answering:
                StartAnswer(stream);
                break;
            default:
                CloseIfOver(stream);
                break;
        }
    }

    public void EndEngine(RelayStream stream)
    {
        stream.EngineEnded = true;
        stream.Watch?.End(GrpcStatusCode.Unknown, "the engine ended the call without a status");
        CloseIfOver(stream);
    }

    /// <summary>A piece of a request that the relay reads itself.</summary>
    public void TakeHeld(RelayStream stream, ReadOnlySpan<byte> piece)
    {
        if (stream.Phase == StreamPhase.Answering)
        {
            stream.DroppedBytes += piece.Length;
            if (stream.DroppedBytes > RelayLimits.MessageBytesMax)
            {
                Refuse(stream, TooLarge());
            }

            return;
        }

        var body = stream.Body ??= new ByteBuffer();
        if (!scope.TryHold(piece.Length))
        {
            Refuse(stream, new Refusal(GrpcStatusCode.ResourceExhausted, "this build has too many large requests waiting; start fewer at a time"));
            return;
        }

        body.Append(piece);
        if (GrpcBlocks.Announced(body.Span) is { } announced)
        {
            if (announced > RelayLimits.MessageBytesMax)
            {
                Refuse(stream, TooLarge());
            }
            else if (body.Length > GrpcBlocks.PrefixLength + announced)
            {
                Refuse(stream, new Refusal(GrpcStatusCode.Internal, "the request holds more than one message"));
            }
        }
    }

    /// <summary>Keeps a request that the relay reads itself flowing.</summary>
    public void TopUp(RelayStream stream)
    {
        if (stream.ClientEnded || stream.Phase == StreamPhase.Passing || !_byClient.ContainsKey(stream.ClientId))
        {
            return;
        }

        long wanted = RelayLimits.HeldWindowBytes;
        if (stream.Body is { } body && GrpcBlocks.Announced(body.Span) is { } announced)
        {
            wanted = Math.Clamp(announced - body.Length, RelayLimits.HeldWindowBytes, RelayLimits.HeldWindowBytesMax);
        }

        if (stream.ClientCredit < wanted / 2)
        {
            FrameWriter.WindowUpdate(toClient.Own(), stream.ClientId, wanted - stream.ClientCredit);
            stream.ClientCredit = wanted;
        }
    }

    /// <summary>Answers a call with an error of the builder's and forgets it.</summary>
    public void Refuse(RelayStream stream, Refusal refusal)
    {
        var output = toClient.Own();
        FrameWriter.Headers(
            output, stream.ClientId, GrpcBlocks.Status(refusal.Code, refusal.Message, alone: !stream.ResponseStarted), endStream: true);
        if (!stream.ClientEnded)
        {
            // RFC 9113 §8.1: the response stands, the rest of the request is not wanted.
            FrameWriter.Reset(output, stream.ClientId, (uint)Http2ErrorCode.NoError);
        }

        Close(stream, refusal.Code, refusal.Message);
    }

    public void ResetByClient(RelayStream stream, uint code)
    {
        stream.ClientGone = true;
        if (stream.EngineId != 0)
        {
            Enqueue(Up, toEngine, stream, stream.EngineId, output => FrameWriter.Reset(output, stream.EngineId, code));
        }

        Close(stream, GrpcStatusCode.Cancelled, "the client cancelled the call");
    }

    public void ResetByEngine(RelayStream stream, uint code)
    {
        stream.EngineGone = true;
        Enqueue(Down, toClient, stream, stream.ClientId, output => FrameWriter.Reset(output, stream.ClientId, code));
        Close(stream, GrpcStatusCode.Unavailable, $"the engine reset the call ({(Http2ErrorCode)code})");
    }

    /// <summary>Ends the calls that the engine announces it has not looked at.</summary>
    public void DropBeyond(int lastEngineId)
    {
        EngineLeaves = true;
        foreach (var stream in _byEngine.Values.Where(stream => stream.EngineId > lastEngineId).ToArray())
        {
            ResetByEngine(stream, (uint)Http2ErrorCode.RefusedStream);
        }
    }

    /// <summary>The engine's windows for streams moved, and with them what clients may send on streams that the relay reads.</summary>
    public void MoveEngineWindows(long change)
    {
        foreach (var injection in _toEngine)
        {
            injection.Credit += change;
        }

        foreach (var stream in _byClient.Values.Where(stream => stream.Phase != StreamPhase.Passing && !stream.ClientEnded))
        {
            stream.ClientCredit += change;
            TopUp(stream);
        }

        // With another window, another sum is small change.
        foreach (var stream in _byClient.Values.Where(stream => stream.Withheld > 0))
        {
            FrameWriter.WindowUpdate(toClient.Own(), stream.ClientId, stream.Withheld);
            stream.Withheld = 0;
        }
    }

    public void MoveClientWindows(long change)
    {
        foreach (var injection in _toClient)
        {
            injection.Credit += change;
        }
    }

    /// <summary>A stream window for the relay's own bytes grew.</summary>
    /// <returns>False when the relay has none to send on the stream.</returns>
    public bool TryExtend(RelayStream stream, bool byEngine, uint increment)
    {
        if ((byEngine ? _toEngine : _toClient).Find(injection => injection.Stream == stream) is not { } injection)
        {
            return false;
        }

        injection.Credit += increment;
        return true;
    }

    /// <summary>Gathers what the engine grants on a stream that passes, until it is worth a frame.</summary>
    /// <param name="granted">All of it.</param>
    public bool TryGrantClient(RelayStream stream, uint increment, out uint granted)
    {
        stream.Withheld += increment;
        if (stream.Withheld > Http2Frame.WindowBytesLimit)
        {
            throw new Http2Exception(Http2ErrorCode.FlowControlError, "The engine opened a window beyond the largest.");
        }

        granted = (uint)stream.Withheld;
        if (granted < RelayLimits.GrantMin(EngineSettings.InitialWindow))
        {
            return false;
        }

        stream.Withheld = 0;
        return true;
    }

    /// <summary>The client's window for a response, in order behind what waits for the engine.</summary>
    public void GrantEngine(RelayStream stream, long increment) =>
        Enqueue(Up, toEngine, stream, stream.EngineId, output => FrameWriter.WindowUpdate(output, stream.EngineId, increment));

    /// <summary>Sends what may be sent in both directions and grants both senders what they have coming.</summary>
    public void Settle()
    {
        SendWaitingToEngine();
        SendWaitingToClient();
        Grant(Up, toClient);
        Grant(Down, toEngine);
    }

    public void SendWaitingToEngine()
    {
        DrainQueue(Up, toEngine);
        Pump(_toEngine, Up, toEngine);
    }

    public void SendWaitingToClient()
    {
        DrainQueue(Down, toClient);
        Pump(_toClient, Down, toClient);
    }

    /// <summary>Tells every open call how it ends. Nothing passes any more.</summary>
    public void EndAll(Refusal reason, bool tellClient)
    {
        foreach (var stream in _byClient.Values.ToArray())
        {
            if (tellClient && !stream.EngineEnded)
            {
                Refuse(stream, reason);
            }
            else
            {
                Close(stream, reason.Code, reason.Message);
            }
        }
    }

    /// <summary>Ends when no answer of the relay's own is being made any more.</summary>
    public Task AnswersEndedAsync()
    {
        lock (gate)
        {
            return Task.WhenAll(_answers);
        }
    }

    private static Refusal TooLarge() =>
        new(GrpcStatusCode.ResourceExhausted, $"the message is larger than {RelayLimits.MessageBytesMax} bytes, BuildKit's limit");

    private void Open(HeaderList list)
    {
        if (EngineLeaves || _byClient.Count >= RelayLimits.ConcurrentStreamsMax)
        {
            FrameWriter.Reset(toClient.Own(), list.StreamId, (uint)Http2ErrorCode.RefusedStream);
            return;
        }

        var verdict = policy.Judge(scope, list.Fields);
        var phase = verdict switch
        {
            CallVerdict.Pass => StreamPhase.Passing,
            CallVerdict.Hold => StreamPhase.Held,
            _ => StreamPhase.Answering,
        };
        var stream = new RelayStream(list.StreamId, verdict, phase) { ClientCredit = EngineSettings.InitialWindow };
        _byClient.Add(stream.ClientId, stream);
        switch (verdict)
        {
            case CallVerdict.Refuse refuse:
                stream.ClientEnded = list.EndStream;
                Refuse(stream, refuse.Reason);
                return;
            case CallVerdict.Pass pass:
                stream.Watch = pass.Watch;
                OpenAtEngine(stream, list.Fields, list.EndStream);
                break;
        }

        if (list.EndStream)
        {
            EndClient(stream);
        }
        else
        {
            TopUp(stream);
        }
    }

    private void TakeTrailers(RelayStream stream, HeaderList list)
    {
        if (!list.EndStream || stream.ClientEnded)
        {
            throw new Http2Exception(Http2ErrorCode.ProtocolError, "The client sent trailers that do not end the stream.");
        }

        if (stream.Phase == StreamPhase.Passing)
        {
            Forward(Up, toEngine, stream, stream.EngineId, HeaderBlocks.Encode(list.Fields), endStream: true);
        }

        EndClient(stream);
    }

    private void OpenAtEngine(RelayStream stream, IEnumerable<HeaderField> fields, bool endStream)
    {
        stream.EngineId = _nextEngineId;
        _nextEngineId += 2;
        _byEngine.Add(stream.EngineId, stream);
        Forward(Up, toEngine, stream, stream.EngineId, HeaderBlocks.Encode(fields), endStream);
    }

    private void JudgeHeld(RelayStream stream)
    {
        var hold = (CallVerdict.Hold)stream.Verdict;
        var message = GrpcBlocks.Unwrap(stream.Body?.Memory ?? default, hold.Headers, out var refusal);
        if (refusal is not null)
        {
            Refuse(stream, refusal);
            return;
        }

        var judgement = hold.Judge(message);
        if (judgement.Refusal is { } reason)
        {
            Refuse(stream, reason);
            return;
        }

        var body = GrpcBlocks.Frame(judgement.Message.Span);
        ReleaseBody(stream);
        stream.Phase = StreamPhase.Passing;
        stream.Watch = judgement.Watch;
        OpenAtEngine(stream, hold.Headers.Where(PassesWithHeldMessage), endStream: false);
        if (stream.EarlyGrant > 0)
        {
            GrantEngine(stream, stream.EarlyGrant);
        }

        _toEngine.Add(new Injection(stream, stream.EngineId, body, trailers: null) { Credit = EngineSettings.InitialWindow });
    }

    /// <summary>The message goes on uncompressed and may have another length; so that it can be read on the way back, the
    /// response is to come uncompressed as well.</summary>
    private static bool PassesWithHeldMessage(HeaderField field) =>
        field.Name is not ("grpc-encoding" or "grpc-accept-encoding" or "content-length");

    private void StartAnswer(RelayStream stream)
    {
        var answer = (CallVerdict.Answer)stream.Verdict;
        stream.Answer = new CancellationTokenSource(RelayLimits.LocalAnswerTimeout, scope.Clock);
        _answers.RemoveWhere(task => task.IsCompleted);
        _answers.Add(Task.Run(() => AnswerAsync(stream, answer, stream.Answer)));
    }

    private async Task AnswerAsync(RelayStream stream, CallVerdict.Answer answer, CancellationTokenSource deadline)
    {
        ReadOnlyMemory<byte> message = default;
        Refusal? refusal = null;
        try
        {
            message = await answer.Respond(deadline.Token);
        }
        catch (Exception e)
        {
            refusal = e is GrpcStatusException status
                ? new Refusal(status.Code, status.Message)
                : new Refusal(GrpcStatusCode.Unavailable, "the build engine did not answer; try again");
        }

        lock (gate)
        {
            stream.Answer = null;
            deadline.Dispose();
            if (!_byClient.ContainsKey(stream.ClientId))
            {
                return;
            }

            if (refusal is not null)
            {
                Refuse(stream, refusal);
            }
            else
            {
                Respond(stream, message);
            }
        }

        toClient.Kick();
    }

    private void Respond(RelayStream stream, ReadOnlyMemory<byte> message)
    {
        FrameWriter.Headers(toClient.Own(), stream.ClientId, GrpcBlocks.ResponseHeaders(), endStream: false);
        stream.ResponseStarted = true;
        var trailers = GrpcBlocks.Status(GrpcStatusCode.Ok, "", alone: false);
        _toClient.Add(new Injection(stream, stream.ClientId, GrpcBlocks.Frame(message.Span), trailers)
        {
            Credit = ClientSettings.InitialWindow + stream.EarlyGrant,
        });
        Settle();
    }

    private void CloseIfOver(RelayStream stream)
    {
        if (stream.IsOver)
        {
            Close(stream, GrpcStatusCode.Ok, "");
        }
    }

    private void Close(RelayStream stream, GrpcStatusCode code, string message)
    {
        _byClient.Remove(stream.ClientId);
        _byEngine.Remove(stream.EngineId);
        _toClient.RemoveAll(injection => injection.Stream == stream);
        _toEngine.RemoveAll(injection => injection.Stream == stream);
        ReleaseBody(stream);
        stream.Answer?.Cancel();
        stream.Watch?.End(code, message);
    }

    private void ReleaseBody(RelayStream stream)
    {
        if (stream.Body is { } body)
        {
            scope.Release(body.Length);
            body.Dispose();
            stream.Body = null;
        }
    }

    private static void Forward(ConnectionCredit credit, FrameSink sink, RelayStream stream, int streamId, byte[] block, bool endStream) =>
        Enqueue(credit, sink, stream, streamId, output => FrameWriter.Headers(output, streamId, block, endStream));

    /// <summary>Sends frames that need no credit, behind those of the same direction that wait for some.</summary>
    private static void Enqueue(ConnectionCredit credit, FrameSink sink, RelayStream stream, int streamId, Action<ByteBuffer> write)
    {
        if (credit.Queue.Count == 0)
        {
            write(sink.Own());
            return;
        }

        using var frame = new ByteBuffer();
        write(frame);
        credit.Enqueue(new QueuedFrame(stream, streamId, frame.Span.ToArray(), isData: false));
    }

    private void DrainQueue(ConnectionCredit credit, FrameSink sink)
    {
        while (credit.Queue.TryPeek(out var frame))
        {
            if (credit == Down ? frame.Stream.ClientGone : frame.Stream.EngineGone)
            {
                credit.Dropped(frame.DataBytes);
                credit.Queue.Dequeue();
                continue;
            }

            if (!frame.IsData)
            {
                sink.Own().Append(frame.Bytes.Span);
                credit.Queue.Dequeue();
                continue;
            }

            var count = (int)Math.Min(Math.Min(frame.Bytes.Length, RelayLimits.OwnFramePayloadBytes), credit.Receiver);
            if ((count <= 0 && frame.Bytes.Length > 0) || sink.UnsentBytes >= RelayLimits.UnsentBytesMax)
            {
                return;
            }

            var last = count == frame.Bytes.Length;
            FrameWriter.Data(sink.Own(), frame.StreamId, frame.Bytes.Span[..count], frame.EndStream && last);
            credit.Sent(count);
            frame.Bytes = frame.Bytes[count..];
            if (last)
            {
                credit.Queue.Dequeue();
            }
        }
    }

    private void Pump(List<Injection> injections, ConnectionCredit credit, FrameSink sink)
    {
        for (var i = 0; i < injections.Count;)
        {
            if (!TrySendAll(injections[i], credit, sink))
            {
                i++;
                continue;
            }

            var injection = injections[i];
            injections.RemoveAt(i);
            if (injection.Trailers is { } trailers)
            {
                FrameWriter.Headers(sink.Own(), injection.StreamId, trailers, endStream: true);
                injection.Stream.EngineEnded = true;
                CloseIfOver(injection.Stream);
            }
        }

        credit.Reserved = 0;
        foreach (var injection in injections)
        {
            credit.Reserved += Math.Clamp(Math.Min(injection.Credit, injection.Body.Length), 0, RelayLimits.HeldWindowBytes);
        }
    }

    private static bool TrySendAll(Injection injection, ConnectionCredit credit, FrameSink sink)
    {
        while (injection.Body.Length > 0)
        {
            var room = Math.Min(injection.Credit, credit.Receiver);
            var count = (int)Math.Min(Math.Min(injection.Body.Length, RelayLimits.OwnFramePayloadBytes), room);
            if (count <= 0 || credit.Queue.Count > 0 || sink.UnsentBytes >= RelayLimits.UnsentBytesMax)
            {
                return false;
            }

            var endStream = count == injection.Body.Length && injection.Trailers is null;
            FrameWriter.Data(sink.Own(), injection.StreamId, injection.Body.Span[..count], endStream);
            injection.Body = injection.Body[count..];
            injection.Credit -= count;
            credit.Receiver -= count;
        }

        return true;
    }

    private static void Grant(ConnectionCredit credit, FrameSink toSender)
    {
        if (credit.Owed is var owed && owed >= credit.GrantMin)
        {
            FrameWriter.WindowUpdate(toSender.Own(), 0, owed);
            credit.Sender += owed;
        }
    }
}
