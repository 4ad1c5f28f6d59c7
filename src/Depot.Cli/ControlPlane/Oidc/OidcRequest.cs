using System.Globalization;
using System.Net;
using System.Text.Json;
using Slipway.BuildKit.Proxies;

namespace Depot.Cli.ControlPlane.Oidc;

/// <summary>Asks a CI system for a token over HTTP, again where its answer may pass.</summary>
internal sealed class OidcRequest(Func<HttpClient> open, TimeProvider clock)
{
    private const int TriesMax = 4;
    private const int BodyBytesMax = 64 * 1024;
    private const int QuotedCharactersMax = 300;

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(500);

    /// <summary>The body of the first answer that says 2xx.</summary>
    /// <param name="provider">For error texts.</param>
    /// <param name="url">The same, and never with a secret in it.</param>
    public async Task<byte[]> SendAsync(string provider, string url, Func<HttpRequestMessage> create, CancellationToken cancellation)
    {
        using var http = open();
        http.MaxResponseContentBufferSize = BodyBytesMax;
        for (var tries = 1; ; tries++)
        {
            try
            {
                return await SendOnceAsync(http, provider, url, create, cancellation);
            }
            catch (PassingException problem) when (tries == TriesMax)
            {
                throw new OidcException(problem.Message, problem.InnerException) { Remedy = "Try again; if it persists, look at the CI system's status page, or set DEPOT_TOKEN." };
            }
            catch (PassingException)
            {
                await Task.Delay(FirstPause * (1 << (tries - 1)), clock, cancellation);
            }
        }
    }

    /// <summary>The token in a JSON answer.</summary>
    public static string Token(string provider, string url, byte[] answer, string name)
    {
        if (Text(answer, name) is { Length: > 0 } token)
        {
            return token.Trim();
        }

        throw new OidcException($"{provider} answered {WithoutQuery(url)} without a token");
    }

    private async Task<byte[]> SendOnceAsync(HttpClient http, string provider, string url, Func<HttpRequestMessage> create, CancellationToken cancellation)
    {
        using var limit = new CancellationTokenSource(Deadline, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, limit.Token);
        try
        {
            using var request = create();
            using var response = await http.SendAsync(request, either.Token);
            var body = await response.Content.ReadAsByteArrayAsync(either.Token);
            return response.IsSuccessStatusCode ? body : throw Refused(provider, $"{request.Method} {WithoutQuery(url)}", response, body);
        }
        catch (UriFormatException problem)
        {
            throw new OidcException($"{provider} names an address for tokens that is none: {WithoutQuery(url)}", problem);
        }
        catch (HttpRequestException problem)
        {
            throw new PassingException($"{provider} could not be asked for a token: {WithoutQuery(url)}: {ConnectFault.Reason(problem.InnerException ?? problem)}", problem);
        }
        catch (OperationCanceledException problem) when (!cancellation.IsCancellationRequested)
        {
            throw new PassingException(string.Create(CultureInfo.InvariantCulture,
                $"{provider} did not answer {WithoutQuery(url)} within {Deadline.TotalSeconds:0} s"), problem);
        }
    }

    private static Exception Refused(string provider, string call, HttpResponseMessage response, byte[] body)
    {
        var status = response.StatusCode;
        var said = Text(body, "message") ?? Text(body, "error") ?? "";
        var text = string.Create(CultureInfo.InvariantCulture, $"{provider} refused a token: {call}: {(int)status} {response.ReasonPhrase}{(said.Length > 0 ? $": {Quote(said)}" : "")}");
        return (int)status >= 500 || status == HttpStatusCode.TooManyRequests
            ? new PassingException(text, null)
            : new OidcException(text);
    }

    private static string Quote(string text)
    {
        var line = string.Concat(text.Select(character => char.IsControl(character) ? ' ' : character)).Trim();
        return line.Length > QuotedCharactersMax ? $"{line[..QuotedCharactersMax]}…" : line;
    }

    private static string? Text(byte[] json, string name)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            return document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty(name, out var value)
                && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static string WithoutQuery(string url) => url.Split('?')[0];

    /// <summary>A later try may succeed.</summary>
    private sealed class PassingException(string message, Exception? inner) : Exception(message, inner);
}
