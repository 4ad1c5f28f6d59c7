using System.Globalization;
using System.Text.Json;
using Google.Protobuf;

namespace Depot.Cli.ControlPlane;

/// <summary>Unary calls in the Connect protocol with binary messages.</summary>
/// <remarks>
/// Request: <c>POST /SERVICE/METHOD</c>, <c>content-type: application/proto</c>, <c>connect-protocol-version: 1</c>, the message as the body.
/// Success: 200 with the message. Failure: another status with JSON <c>{"code","message"}</c>; whatever else answers is mapped from its status,
/// as connect-go does.
/// </remarks>
internal sealed class ConnectClient(ApiEndpoint endpoint, IApiTransport transport, string userAgent, TimeProvider clock) : IAsyncDisposable
{
    public ApiEndpoint Endpoint { get; } = endpoint;

    /// <summary>One try.</summary>
    public async Task<TResponse> CallAsync<TResponse>(
        string procedure, IMessage request, MessageParser<TResponse> parser, string? token, TimeSpan deadline, CancellationToken cancellation)
        where TResponse : class, IMessage<TResponse>
    {
        using var limit = new CancellationTokenSource(deadline, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, limit.Token);
        try
        {
            var reply = await transport.PostAsync(new ApiPost(Endpoint.PathOf(procedure), Headers(token, deadline), request.ToByteArray()), either.Token);
            return Read(reply, parser);
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

    private List<KeyValuePair<string, string>> Headers(string? token, TimeSpan deadline)
    {
        List<KeyValuePair<string, string>> headers =
        [
            new("content-type", "application/proto"),
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

        if (!reply.ContentType.StartsWith("application/proto", StringComparison.OrdinalIgnoreCase))
        {
            throw NotTheApi($"unknown: invalid content-type: \"{reply.ContentType}\"; expecting \"application/proto\"");
        }

        try
        {
            return parser.ParseFrom(reply.Body.Span);
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
            return new ApiException(code, message.Length == 0 ? code : $"{code}: {message}");
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
        var text = string.Create(CultureInfo.InvariantCulture, $"{mapped}: {reply.Status} {(System.Net.HttpStatusCode)reply.Status}");
        return mapped == "unimplemented" ? NotTheApi(text) : new ApiException(mapped, text);
    }

    private ApiException NotTheApi(string message) => new("unknown", message)
    {
        Remedy = $"Is {Endpoint.Text} a Slipway server? The address comes from {Endpoint.Source}.",
    };

    private static (string Code, string Message) TryReadError(ReadOnlyMemory<byte> body)
    {
        try
        {
            using var document = JsonDocument.Parse(body);
            return (Text(document.RootElement, "code"), Text(document.RootElement, "message"));
        }
        catch (JsonException)
        {
            return ("", "");
        }
    }

    private static string Text(JsonElement root, string name) =>
        root.ValueKind == JsonValueKind.Object && root.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : "";
}
