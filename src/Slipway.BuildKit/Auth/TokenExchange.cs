using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace Slipway.BuildKit.Auth;

/// <summary>What a registry's token endpoint is asked for.</summary>
public sealed record RegistryTokenRequest
{
    /// <summary>The endpoint, from the registry's challenge.</summary>
    public required string Realm { get; init; }

    public string Service { get; init; } = "";

    public IReadOnlyList<string> Scopes { get; init; } = [];
}

/// <summary>A short-lived bearer token of a registry. Prints without the token.</summary>
public sealed record RegistryToken(string Value, long ExpiresInSeconds, DateTimeOffset? IssuedAt)
{
    public override string ToString() => "***";
}

/// <summary>Trades registry credentials, or none, for a bearer token (distribution's token protocol).</summary>
public sealed class TokenExchange(HttpClient http, TimeProvider clock)
{
    /// <summary>What a token without an expiry is good for, by the protocol.</summary>
    public const long DefaultExpirySeconds = 60;

    /// <summary>BuildKit waits a minute for the answer.</summary>
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(60);

    private const string ClientId = "buildkit-client";
    private const string ElsewhereRemedy = "; if only the builder reaches it, set BUILDKIT_NO_CLIENT_TOKEN=1 to lend it the credentials";
    private const int AnswerBytesMax = 1024 * 1024;

    /// <summary>Fetches a token: with a secret by OAuth's POST, and by GET where the endpoint refuses that; without one by an anonymous GET.</summary>
    /// <exception cref="InputException">The endpoint refused or did not answer with a token.</exception>
    public async Task<RegistryToken> FetchAsync(RegistryTokenRequest request, RegistryCredential? credential, CancellationToken cancellation)
    {
        if (credential is { RegistryToken.Length: > 0 })
        {
            return new RegistryToken(credential.RegistryToken, DefaultExpirySeconds, IssuedAt: null);
        }

        if (!Uri.TryCreate(request.Realm, UriKind.Absolute, out var realm) || realm.Scheme is not ("http" or "https"))
        {
            throw new InputException($"the registry's token endpoint \"{request.Realm}\" is not an http or https address");
        }

        using var timeout = new CancellationTokenSource(s_timeout, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellation);
        try
        {
            return await FetchAsync(realm, request, credential, either.Token);
        }
        catch (HttpRequestException e)
        {
            throw new InputException($"the registry's token endpoint {Address(realm)} cannot be reached: {e.Message}{ElsewhereRemedy}", e);
        }
        catch (OperationCanceledException) when (timeout.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            throw new InputException($"the registry's token endpoint {Address(realm)} did not answer within {s_timeout.TotalSeconds:0} s{ElsewhereRemedy}");
        }
    }

    private async Task<RegistryToken> FetchAsync(Uri realm, RegistryTokenRequest request, RegistryCredential? credential, CancellationToken cancellation)
    {
        if (credential is { Secret.Length: > 0 })
        {
            using var posted = Post(realm, request, credential);
            using var answer = await http.SendAsync(posted, HttpCompletionOption.ResponseHeadersRead, cancellation);
            if (answer.IsSuccessStatusCode)
            {
                return await ReadAsync(realm, answer, cancellation);
            }

            // Registries without the POST form say so in many ways: 404 (GCR), 401 (Artifactory), 405, 400 (ACR). GET settles it.
        }

        using var got = Get(realm, request, credential);
        using var response = await http.SendAsync(got, HttpCompletionOption.ResponseHeadersRead, cancellation);
        return response.IsSuccessStatusCode
            ? await ReadAsync(realm, response, cancellation)
            : throw Refused(realm, request, response.StatusCode);
    }

    private static HttpRequestMessage Post(Uri realm, RegistryTokenRequest request, RegistryCredential credential)
    {
        List<KeyValuePair<string, string>> form = [new("service", request.Service), new("client_id", ClientId)];
        if (request.Scopes.Count > 0)
        {
            form.Add(new("scope", string.Join(' ', request.Scopes)));
        }

        if (credential.SecretUsername.Length == 0)
        {
            form.Add(new("grant_type", "refresh_token"));
            form.Add(new("refresh_token", credential.Secret));
        }
        else
        {
            form.Add(new("grant_type", "password"));
            form.Add(new("username", credential.SecretUsername));
            form.Add(new("password", credential.Secret));
        }

        return new HttpRequestMessage(HttpMethod.Post, realm) { Content = new FormUrlEncodedContent(form) };
    }

    private static HttpRequestMessage Get(Uri realm, RegistryTokenRequest request, RegistryCredential? credential)
    {
        var query = new StringBuilder(realm.Query.TrimStart('?'));
        if (request.Service.Length > 0)
        {
            Append(query, "service", request.Service);
        }

        foreach (var scope in request.Scopes)
        {
            Append(query, "scope", scope);
        }

        var message = new HttpRequestMessage(HttpMethod.Get, new UriBuilder(realm) { Query = query.ToString() }.Uri);
        if (credential is { Secret.Length: > 0 })
        {
            var pair = Encoding.UTF8.GetBytes($"{credential.SecretUsername}:{credential.Secret}");
            message.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(pair));
        }

        return message;
    }

    private static void Append(StringBuilder query, string name, string value) =>
        query.Append(query.Length > 0 ? "&" : "").Append(name).Append('=').Append(Uri.EscapeDataString(value));

    private static async Task<RegistryToken> ReadAsync(Uri realm, HttpResponseMessage response, CancellationToken cancellation)
    {
        await using var body = await response.Content.ReadAsStreamAsync(cancellation);
        var buffer = new byte[AnswerBytesMax];
        var length = await body.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellation);
        try
        {
            using var document = JsonDocument.Parse(buffer.AsMemory(0, length));
            var answer = document.RootElement;

            // Both names are in use for the same thing.
            var token = Text(answer, "access_token") is { Length: > 0 } access ? access : Text(answer, "token");
            if (token.Length == 0)
            {
                throw new InputException($"the registry's token endpoint {Address(realm)} answered without a token");
            }

            var expires = answer.TryGetProperty("expires_in", out var seconds) && seconds.TryGetInt64(out var value) && value > 0 ? value : DefaultExpirySeconds;
            return new RegistryToken(token, expires, IssuedAt(answer));
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new InputException($"the registry's token endpoint {Address(realm)} did not answer with JSON");
        }
    }

    private static DateTimeOffset? IssuedAt(JsonElement answer) =>
        DateTimeOffset.TryParse(Text(answer, "issued_at"), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var issued) ? issued : null;

    private static string Text(JsonElement answer, string name) =>
        answer.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : "";

    private static InputException Refused(Uri realm, RegistryTokenRequest request, HttpStatusCode status)
    {
        var scopes = request.Scopes.Count == 0 ? "" : $" for {string.Join(' ', request.Scopes)}";
        var remedy = status is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden ? "; check the credentials with docker login" : "";
        return new InputException($"the registry's token endpoint {Address(realm)} answered {(int)status}{scopes}{remedy}");
    }

    private static string Address(Uri realm) => realm.GetLeftPart(UriPartial.Path);
}
