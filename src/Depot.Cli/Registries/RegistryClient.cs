using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Slipway.BuildKit;
using Slipway.BuildKit.Auth;
using Slipway.BuildKit.Proxies;

namespace Depot.Cli.Registries;

/// <summary>Reads and writes images in registries (the OCI distribution protocol) with this machine's logins.</summary>
/// <param name="http">For questions and small answers.</param>
/// <param name="bulk">For layers: without a limit of its own on how long a call takes.</param>
/// <remarks>A build's layers never pass here: builders push them. Only <c>imagetools create</c> and <c>depot push</c> carry an image's from one registry to another.</remarks>
internal sealed class RegistryClient(HttpClient http, HttpClient bulk, RegistryAuth logins, TimeProvider clock, string errorPrefix = "failed to build: ")
{
    private const string Uploads = "blobs/uploads/";
    private const int DocumentBytesMax = 4 * 1024 * 1024;

    /// <summary>As long as .NET waits for a whole answer: a layer may take longer, but not without moving. At its end the registry hashes it once more.</summary>
    internal static readonly TimeSpan SilenceMax = TimeSpan.FromSeconds(100);

    private static readonly string[] Accepted = [MediaTypes.OciIndex, MediaTypes.DockerList, MediaTypes.OciManifest, MediaTypes.DockerManifest];

    private readonly ConcurrentDictionary<string, AuthenticationHeaderValue> _authorizations = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, string> _schemes = new(StringComparer.Ordinal);

    public async Task<RegistryDocument> GetManifestAsync(string host, string repository, string reference, CancellationToken cancellation)
    {
        using var response = await SendAsync(new Place(host, repository, $"manifests/{reference}"), () =>
        {
            var request = new HttpRequestMessage(HttpMethod.Get, default(Uri));
            request.Headers.Accept.ParseAdd(string.Join(',', Accepted));
            return request;
        }, "read", cancellation);
        return new RegistryDocument(response.Content.Headers.ContentType?.MediaType ?? "", await ReadAsync(response, cancellation));
    }

    /// <summary>A small blob: a configuration, an attestation.</summary>
    public async Task<byte[]> GetBlobAsync(string host, string repository, string digest, CancellationToken cancellation)
    {
        using var response = await SendAsync(
            new Place(host, repository, $"blobs/{digest}"), () => new HttpRequestMessage(HttpMethod.Get, default(Uri)), "read", cancellation);
        return await ReadAsync(response, cancellation);
    }

    /// <summary>Makes a blob of one repository known in another: by a word to the registry where both are in one, else through this machine.</summary>
    public async Task CopyBlobAsync((string Host, string Repository) from, (string Host, string Repository) to, string digest, long size, CancellationToken cancellation)
    {
        var target = new Place(to.Host, to.Repository, $"blobs/{digest}") { Writes = true };
        if (await HasAsync(target, cancellation))
        {
            return;
        }

        var mount = from.Host == to.Host ? $"?mount={digest}&from={Uri.EscapeDataString(from.Repository)}" : "";
        using var begun = await SendAsync(
            target with { Path = Uploads + mount, AlsoFrom = mount.Length > 0 ? from.Repository : "" }, () => new HttpRequestMessage(HttpMethod.Post, default(Uri)), "push", cancellation);
        if (begun.StatusCode == HttpStatusCode.Created)
        {
            return;
        }

        var upload = new Uri(begun.RequestMessage!.RequestUri!, begun.Headers.Location ?? throw new CliException($"{to.Host} did not say where to send {digest}"));
        await SendBlobAsync(new Place(from.Host, from.Repository, $"blobs/{digest}"), target, new Uri($"{upload}{(upload.Query.Length > 0 ? '&' : '?')}digest={digest}"), size, cancellation);
    }

    private async Task SendBlobAsync(Place from, Place to, Uri upload, long size, CancellationToken cancellation)
    {
        using var limit = new ActivityLimit(SilenceMax, clock, cancellation);
        try
        {
            using var source = await SendAsync(from, () => new HttpRequestMessage(HttpMethod.Get, default(Uri)), "read", limit.Token);
            await using var content = limit.Watch(await source.Content.ReadAsStreamAsync(limit.Token));
            using var request = new HttpRequestMessage(HttpMethod.Put, upload) { Content = new StreamContent(content) { Headers = { ContentLength = size, ContentType = new("application/octet-stream") } } };
            request.Headers.Authorization = _authorizations.GetValueOrDefault(to.Login);
            using var response = await bulk.SendAsync(request, limit.Token);
            if (!response.IsSuccessStatusCode)
            {
                throw await RefusedAsync(to, "push", response, limit.Token);
            }
        }
        catch (Exception broken) when (broken is OperationCanceledException or HttpRequestException or IOException && limit.WasSilent)
        {
            throw new CliException($"{errorPrefix}failed to copy {from.Name} to {to.Host}/{to.Repository}: nothing moved for {SilenceMax.TotalSeconds:0} s", inner: broken);
        }
        catch (HttpRequestException broken)
        {
            throw new CliException($"{errorPrefix}failed to copy {from.Name} to {to.Host}/{to.Repository}: {ConnectFault.Reason(broken.InnerException ?? broken)}", inner: broken);
        }
    }

    private async Task<bool> HasAsync(Place blob, CancellationToken cancellation)
    {
        using var response = await TrySendAsync(blob, () => new HttpRequestMessage(HttpMethod.Head, default(Uri)), cancellation);
        return response.IsSuccessStatusCode;
    }

    private static async Task<byte[]> ReadAsync(HttpResponseMessage response, CancellationToken cancellation)
    {
        await using var body = await response.Content.ReadAsStreamAsync(cancellation);
        var buffer = new byte[DocumentBytesMax];
        var length = await body.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellation);
        return buffer[..length];
    }

    /// <summary>Stores a document under a tag, in place of what it named before.</summary>
    public async Task PutManifestAsync(string host, string repository, string tag, RegistryDocument document, CancellationToken cancellation)
    {
        using var response = await SendAsync(new Place(host, repository, $"manifests/{tag}") { Writes = true }, () =>
        {
            var content = new ByteArrayContent(document.Content);
            content.Headers.ContentType = new MediaTypeHeaderValue(document.MediaType);
            return new HttpRequestMessage(HttpMethod.Put, default(Uri)) { Content = content };
        }, "push", cancellation);
    }

    private async Task<HttpResponseMessage> SendAsync(Place place, Func<HttpRequestMessage> create, string verb, CancellationToken cancellation)
    {
        var response = await TrySendAsync(place, create, cancellation);
        if (response.IsSuccessStatusCode)
        {
            return response;
        }

        using (response)
        {
            throw await RefusedAsync(place, verb, response, cancellation);
        }
    }

    private async Task<HttpResponseMessage> TrySendAsync(Place place, Func<HttpRequestMessage> create, CancellationToken cancellation)
    {
        var path = $"{place.Host}/v2/{place.Repository}/{place.Path}";
        var response = await SendAsync(place.Host, path, create, _authorizations.GetValueOrDefault(place.Login), cancellation);
        if (response.StatusCode == HttpStatusCode.Unauthorized && await AnswerAsync(response, place, cancellation) is { } authorization)
        {
            _authorizations[place.Login] = authorization;
            response.Dispose();
            response = await SendAsync(place.Host, path, create, authorization, cancellation);
        }

        return response;
    }

    private async Task<CliException> RefusedAsync(Place place, string verb, HttpResponseMessage response, CancellationToken cancellation)
    {
        if (verb == "read" && response.StatusCode == HttpStatusCode.NotFound)
        {
            return new CliException($"{errorPrefix}{place.Name}: not found");
        }

        var refused = response.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden;
        return new CliException($"{errorPrefix}failed to {verb} {place.Name}: {await ReasonAsync(response, cancellation)}") { Remedy = refused ? PushRefusal.Remedy(place.Host) : null };
    }

    /// <summary>Loopback registries mostly speak in the clear, as Docker takes them to: what answers decides, once.</summary>
    private async Task<HttpResponseMessage> SendAsync(
        string host, string path, Func<HttpRequestMessage> create, AuthenticationHeaderValue? authorization, CancellationToken cancellation)
    {
        var scheme = _schemes.GetValueOrDefault(host, "https");
        try
        {
            return await SendAsync($"{scheme}://{path}", create, authorization, cancellation);
        }
        catch (HttpRequestException) when (scheme == "https" && IsLoopback(host))
        {
            _schemes[host] = "http";
            return await SendAsync(host, path, create, authorization, cancellation);
        }
        catch (HttpRequestException problem)
        {
            throw new CliException($"{errorPrefix}the registry {host} cannot be reached: {problem.InnerException?.Message ?? problem.Message}", inner: problem);
        }
        catch (TaskCanceledException problem) when (problem.InnerException is TimeoutException)
        {
            throw new CliException($"{errorPrefix}the registry {host} did not answer within {http.Timeout.TotalSeconds:0} s", inner: problem);
        }
    }

    private async Task<HttpResponseMessage> SendAsync(
        string url, Func<HttpRequestMessage> create, AuthenticationHeaderValue? authorization, CancellationToken cancellation)
    {
        using var request = create();
        request.RequestUri = new Uri(url);
        request.Headers.Authorization = authorization;
        return await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation);
    }

    /// <summary>What to show for a challenge: a token that the challenge's realm gives, or the login itself. Null when there is nothing to show.</summary>
    private async Task<AuthenticationHeaderValue?> AnswerAsync(HttpResponseMessage response, Place place, CancellationToken cancellation)
    {
        try
        {
            var credential = await logins.FindAsync(place.Host, cancellation);
            foreach (var challenge in response.Headers.WwwAuthenticate)
            {
                if (challenge.Scheme.Equals("Bearer", StringComparison.OrdinalIgnoreCase))
                {
                    return await FetchTokenAsync(challenge, place, credential, cancellation);
                }

                if (challenge.Scheme.Equals("Basic", StringComparison.OrdinalIgnoreCase) && credential is { Secret.Length: > 0 })
                {
                    return new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{credential.SecretUsername}:{credential.Secret}")));
                }
            }

            return null;
        }
        catch (InputException problem)
        {
            throw new CliException($"{errorPrefix}{problem.Message}", inner: problem) { Remedy = PushRefusal.Remedy(place.Host) };
        }
    }

    private async Task<AuthenticationHeaderValue> FetchTokenAsync(
        AuthenticationHeaderValue challenge, Place place, RegistryCredential? credential, CancellationToken cancellation)
    {
        var fields = ChallengeFields.Parse(challenge.Parameter ?? "");
        var request = new RegistryTokenRequest
        {
            Realm = fields.GetValueOrDefault("realm", ""),
            Service = fields.GetValueOrDefault("service", ""),
            Scopes = [$"repository:{place.Repository}:{place.Actions}", .. place.AlsoFrom.Length > 0 ? [$"repository:{place.AlsoFrom}:pull"] : (string[])[]],
        };
        return new AuthenticationHeaderValue("Bearer", (await new TokenExchange(http, clock).FetchAsync(request, credential, cancellation)).Value);
    }

    /// <summary>The status, and what the registry says about it (<c>{"errors":[{"code","message"}]}</c>).</summary>
    private static async Task<string> ReasonAsync(HttpResponseMessage response, CancellationToken cancellation)
    {
        var status = $"unexpected status {(int)response.StatusCode} {response.ReasonPhrase}";
        try
        {
            using var document = await JsonDocument.ParseAsync(await response.Content.ReadAsStreamAsync(cancellation), cancellationToken: cancellation);
            var messages = document.RootElement.GetProperty("errors").EnumerateArray().Select(error => error.GetProperty("message").GetString());
            return $"{status}: {string.Join("; ", messages)}";
        }
        catch (Exception problem) when (problem is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            return status;
        }
    }

    /// <summary>What is asked for.</summary>
    /// <param name="Path">Below the repository.</param>
    /// <param name="AlsoFrom">Another repository of the registry that has to be read for it.</param>
    private sealed record Place(string Host, string Repository, string Path, string AlsoFrom = "")
    {
        public bool Writes { get; init; }

        public string Actions => Writes ? "pull,push" : "pull";

        /// <summary>What one token covers.</summary>
        public string Login => $"{Scope}:{Actions}";

        private string Scope => $"{Host}/{Repository}";

        public string Name => Path.Split('/') is ["manifests" or "blobs", var reference] ? $"{Scope}{(reference.Contains(':', StringComparison.Ordinal) ? '@' : ':')}{reference}" : Scope;
    }

    private static bool IsLoopback(string host)
    {
        var name = host.StartsWith('[') ? host[1..Math.Max(1, host.IndexOf(']', StringComparison.Ordinal))] : host.Split(':')[0];
        return name == "localhost" || (IPAddress.TryParse(name, out var address) && IPAddress.IsLoopback(address));
    }
}
