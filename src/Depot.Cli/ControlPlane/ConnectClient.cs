using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Google.Protobuf;
using Slipway.Contract.Connect;

namespace Depot.Cli.ControlPlane;

/// <summary>Calls in the Connect protocol with binary messages.</summary>
/// <remarks>
/// Request: <c>POST /SERVICE/METHOD</c>, <c>content-type: application/proto</c>, <c>connect-protocol-version: 1</c>, the message as the body.
/// Success: 200 with the message. Failure: another status with JSON <c>{"code","message"}</c>; whatever else answers is mapped from its status,
/// as connect-go does.
/// </remarks>
internal sealed class ConnectClient(ApiEndpoint endpoint, IApiTransport transport, string userAgent, TimeProvider clock) : IAsyncDisposable
{
    /// <summary>For calls that the server answers at once, or holds for a while.</summary>
    public static readonly TimeSpan UsualDeadline = TimeSpan.FromSeconds(30);

    private const string Unary = "application/proto";
    private const string Streaming = "application/connect+proto";

    public ApiEndpoint Endpoint { get; } = endpoint;

    /// <summary>One try.</summary>
    public Task<TResponse> CallAsync<TResponse>(
        string procedure, IMessage request, MessageParser<TResponse> parser, string? token, TimeSpan deadline, CancellationToken cancellation)
        where TResponse : class, IMessage<TResponse> =>
        PostAsync(procedure, request.ToByteArray(), Unary, reply => Read(reply, parser), token, deadline, cancellation);

    /// <summary>A call in somebody's name, tried again as it may be.</summary>
    public Task<TResponse> CallAsync<TResponse>(
        Retry retry, string procedure, IMessage request, MessageParser<TResponse> parser, Credentials credentials, CancellationToken cancellation)
        where TResponse : class, IMessage<TResponse> => credentials.UseAsync(
            token => retry.RunAsync(() => CallAsync(procedure, request, parser, token, UsualDeadline, cancellation), clock, cancellation), cancellation);

    /// <summary>One try of a call that streams its answers: the first of them, once the server has ended the stream.</summary>
    public Task<TResponse> CallStreamAsync<TResponse>(
        string procedure, IMessage request, MessageParser<TResponse> parser, string? token, TimeSpan deadline, CancellationToken cancellation)
        where TResponse : class, IMessage<TResponse> =>
        PostAsync(procedure, Envelope.Frame(0, request.ToByteArray()), Streaming, reply => ReadFirst(reply, parser), token, deadline, cancellation);

    private async Task<TResponse> PostAsync<TResponse>(
        string procedure, byte[] body, string contentType, Func<ApiReply, TResponse> read, string? token, TimeSpan deadline, CancellationToken cancellation)
    {
        using var limit = new CancellationTokenSource(deadline, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, limit.Token);
        try
        {
            return read(await transport.PostAsync(new ApiPost(Endpoint.PathOf(procedure), Headers(contentType, token, deadline), body), either.Token));
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new ApiException("unavailable", string.Create(CultureInfo.InvariantCulture,
                $"the server at {Endpoint.Text} did not answer within {deadline.TotalSeconds:0.#} s"))
            {
                Remedy = "Try again; if it persists, look at the server's log.",
            };
        }
    }

    public ValueTask DisposeAsync() => transport.DisposeAsync();

    private List<KeyValuePair<string, string>> Headers(string contentType, string? token, TimeSpan deadline)
    {
        List<KeyValuePair<string, string>> headers =
        [
            new("content-type", contentType),
            new("connect-protocol-version", "1"),
            new("connect-timeout-ms", ((long)deadline.TotalMilliseconds).ToString(CultureInfo.InvariantCulture)),
            new("user-agent", userAgent),
        ];
        if (token is { Length: > 0 })
        {
            headers.Add(new("authorization", $"Bearer {token}"));
        }

        return headers;
    }

    private TResponse Read<TResponse>(ApiReply reply, MessageParser<TResponse> parser)
        where TResponse : class, IMessage<TResponse>
    {
        if (reply.Status != 200)
        {
            throw Failure(reply);
        }

        Expect(reply, Unary);
        return Parse(reply.Body.Span, parser);
    }

    private TResponse ReadFirst<TResponse>(ApiReply reply, MessageParser<TResponse> parser)
        where TResponse : class, IMessage<TResponse>
    {
        if (reply.Status != 200)
        {
            throw Failure(reply);
        }

        Expect(reply, Streaming);
        var rest = new ReadOnlySequence<byte>(reply.Body);
        while (Envelope.TryRead(ref rest, ApiReply.BodyBytesMax, out var envelope))
        {
            var payload = envelope.Payload.ToArray();
            if ((envelope.Flags & Envelope.EndOfStream) == 0)
            {
                return Parse(payload, parser);
            }

            if (TryReadError(payload) is var (code, message) && code.Length > 0)
            {
                throw new ApiException(code, $"{code}: {message}") { ServerTime = TimeOf(reply) };
            }
        }

        throw new ApiException("unavailable", "unavailable: the server ended the stream without an answer");
    }

    private void Expect(ApiReply reply, string contentType)
    {
        if (!reply.ContentType.StartsWith(contentType, StringComparison.OrdinalIgnoreCase))
        {
            throw NotTheApi($"unknown: invalid content-type: \"{reply.ContentType}\"; expecting \"{contentType}\"");
        }
    }

    private TResponse Parse<TResponse>(ReadOnlySpan<byte> message, MessageParser<TResponse> parser)
        where TResponse : class, IMessage<TResponse>
    {
        try
        {
            return parser.ParseFrom(message);
        }
        catch (InvalidProtocolBufferException)
        {
            throw NotTheApi("unknown: the answer is not a message of the API");
        }
    }

    private ApiException Failure(ApiReply reply)
    {
        if (reply.ContentType.StartsWith("application/json", StringComparison.OrdinalIgnoreCase) && TryReadError(reply.Body) is var (code, message) && code.Length > 0)
        {
            return new ApiException(code, message.Length == 0 ? code : $"{code}: {message}") { ServerTime = TimeOf(reply) };
        }

        var mapped = reply.Status switch
        {
            400 => "internal",
            401 => "unauthenticated",
            403 => "permission_denied",
            404 => "unimplemented",
            408 => "deadline_exceeded",
            429 or 502 or 503 or 504 => "unavailable",
            _ => "unknown",
        };
        var text = string.Create(CultureInfo.InvariantCulture, $"{mapped}: {reply.Status} {Phrase(reply.Status)}").TrimEnd();
        return mapped switch
        {
            "unimplemented" => NotTheApi(text),
            "unknown" when reply.Status is >= 300 and < 400 => NotTheApi($"{text}: it redirects to somewhere else, as sign-in pages of networks and proxies do"),
            "unavailable" when reply.Status != 429 => new ApiException(mapped, text)
            {
                ServerTime = TimeOf(reply),
                Remedy = $"A proxy in front of {Endpoint.Text} answered in its place: is the server up behind it?",
            },
            _ => new ApiException(mapped, text) { ServerTime = TimeOf(reply) },
        };
    }

    // The words of RFC 9110, as .NET knows them.
    private static string? Phrase(int status)
    {
        using var answer = new HttpResponseMessage((System.Net.HttpStatusCode)status);
        return answer.ReasonPhrase;
    }

    private static DateTimeOffset? TimeOf(ApiReply reply) =>
        DateTimeOffset.TryParseExact(reply.Date, "r", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) ? time : null;

    private ApiException NotTheApi(string message) => new("unknown", message)
    {
        Remedy = $"Is {Endpoint.Text} a Slipway server? The address comes from {Endpoint.Source}.",
    };

    private static (string Code, string Message) TryReadError(ReadOnlyMemory<byte> body)
    {
        try
        {
            using var document = JsonDocument.Parse(body);
            var root = document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty("error", out var nested) ? nested : document.RootElement;
            return (Text(root, "code"), Text(root, "message"));
        }
        catch (JsonException)
        {
            return ("", "");
        }
    }

    private static string Text(JsonElement root, string name) =>
        root.ValueKind == JsonValueKind.Object && root.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : "";
}
