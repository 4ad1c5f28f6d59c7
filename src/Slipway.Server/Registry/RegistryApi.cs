using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Slipway.Contract.Connect;

namespace Slipway.Server.Registry;

/// <summary>What this server itself asks of the registry (the OCI distribution protocol): names, manifests, never a layer. It signs its own right to it.</summary>
internal sealed partial class RegistryApi : IDisposable
{
    private const string OciIndex = "application/vnd.oci.image.index.v1+json";
    private const string DockerList = "application/vnd.docker.distribution.manifest.list.v2+json";
    private const int DocumentBytesMax = 4 * 1024 * 1024;
    private const int TagsMax = 100_000;

    // More platforms than there are, with an attestation each.
    private const int PartsMax = 40;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    private static readonly string[] Kinds =
        [OciIndex, DockerList, "application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json"];

    // Distribution 2.8 takes a tag for a malformed digest; others say that they do not do this.
    private static readonly HttpStatusCode[] CannotUntag = [HttpStatusCode.BadRequest, HttpStatusCode.MethodNotAllowed];

    private readonly ImageRegistry _registry;
    private readonly HttpClient _http;

    public RegistryApi(ImageRegistry registry, ServerOptions options)
    {
        _registry = registry;
        _http = new HttpClient(new SocketsHttpHandler
        {
            AllowAutoRedirect = false, UseCookies = false, UseProxy = options.Proxy is not null, Proxy = options.Proxy, PooledConnectionLifetime = TimeSpan.FromMinutes(1),
        })
        {
            Timeout = Patience, MaxResponseContentBufferSize = DocumentBytesMax,
        };
    }

    /// <summary>All tags, in the registry's order; none where nothing was ever saved.</summary>
    public async Task<IReadOnlyList<string>> ListTagsAsync(ImageRepository repository, CancellationToken cancellation)
    {
        var tags = new List<string>();
        for (var path = "tags/list?n=1000"; path is not null && tags.Count < TagsMax;)
        {
            using var response = await SendAsync(HttpMethod.Get, repository, path, null, cancellation);
            if (response.StatusCode == HttpStatusCode.NotFound)
            {
                break;
            }

            using var page = await ReadAsync(response, cancellation);
            if (page.RootElement.TryGetProperty("tags", out var named) && named.ValueKind == JsonValueKind.Array)
            {
                tags.AddRange(named.EnumerateArray().Select(tag => tag.GetString()!));
            }

            path = Next(response);
        }

        return tags;
    }

    /// <summary>What a tag names and how many bytes that is, its layers and all its platforms; null when it names nothing.</summary>
    public async Task<(string Digest, ulong Size)?> FindAsync(ImageRepository repository, string tag, CancellationToken cancellation)
    {
        using var response = await SendAsync(HttpMethod.Get, repository, $"manifests/{tag}", null, cancellation);
        if (response.StatusCode == HttpStatusCode.NotFound)
        {
            return null;
        }

        var content = await ContentAsync(response, cancellation);
        return ($"sha256:{Convert.ToHexStringLower(SHA256.HashData(content))}", await SizeAsync(repository, content, isPart: false, cancellation));
    }

    /// <summary>Takes one name away and leaves the image to its other names; nothing happens where the name is not there.</summary>
    public async Task UntagAsync(ImageRepository repository, string tag, CancellationToken cancellation)
    {
        // Distribution 3 and others delete a tag; 2.8 knows images only, and would take every name of this one.
        using var plain = await SendAsync(HttpMethod.Delete, repository, $"manifests/{tag}", null, cancellation, CannotUntag);
        if (plain.IsSuccessStatusCode || plain.StatusCode == HttpStatusCode.NotFound)
        {
            return;
        }

        // There the name is given to a document that nothing else is, which then goes.
        using var empty = new ByteArrayContent(Encoding.UTF8.GetBytes(
            $$$"""{"schemaVersion":2,"mediaType":"{{{OciIndex}}}","manifests":[],"annotations":{"slipway.deleted":"{{{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16))}}}"}}"""));
        empty.Headers.ContentType = new MediaTypeHeaderValue(OciIndex);
        var digest = $"sha256:{Convert.ToHexStringLower(SHA256.HashData(await empty.ReadAsByteArrayAsync(cancellation)))}";
        using var put = await SendAsync(HttpMethod.Put, repository, $"manifests/{tag}", empty, cancellation);
        using var deleted = await SendAsync(HttpMethod.Delete, repository, $"manifests/{digest}", null, cancellation);
    }

    public void Dispose() => _http.Dispose();

    /// <summary>Builds write manifests, and anybody may have written a build: what is odd in one counts for nothing.</summary>
    private async Task<ulong> SizeAsync(ImageRepository repository, byte[] content, bool isPart, CancellationToken cancellation)
    {
        using var document = Parse(content);
        var root = document.RootElement;
        var parts = isPart ? [] : List(root, "manifests").Select(part => Text(part, "digest")).Where(digest => Digest().IsMatch(digest)).Take(PartsMax).ToList();
        var total = List(root, "layers").Concat(root.ValueKind == JsonValueKind.Object && root.TryGetProperty("config", out var config) ? [config] : [])
            .Aggregate(0UL, (sum, blob) => sum + Size(blob));
        foreach (var digest in parts)
        {
            using var response = await SendAsync(HttpMethod.Get, repository, $"manifests/{digest}", null, cancellation);
            total += response.IsSuccessStatusCode ? await SizeAsync(repository, await ContentAsync(response, cancellation), isPart: true, cancellation) : 0;
        }

        return total;
    }

    private static IEnumerable<JsonElement> List(JsonElement of, string name) =>
        of.ValueKind == JsonValueKind.Object && of.TryGetProperty(name, out var list) && list.ValueKind == JsonValueKind.Array ? list.EnumerateArray() : [];

    private static string Text(JsonElement of, string name) =>
        of.ValueKind == JsonValueKind.Object && of.TryGetProperty(name, out var text) && text.ValueKind == JsonValueKind.String ? text.GetString()! : "";

    private static ulong Size(JsonElement blob) => blob.ValueKind == JsonValueKind.Object && blob.TryGetProperty("size", out var size)
        && size.ValueKind == JsonValueKind.Number && size.TryGetUInt64(out var bytes) ? bytes : 0;

    private async Task<HttpResponseMessage> SendAsync(
        HttpMethod method, ImageRepository repository, string path, HttpContent? content, CancellationToken cancellation, params HttpStatusCode[] expected)
    {
        using var request = new HttpRequestMessage(method, new Uri(_registry.Required, $"/v2/{repository.Name}/{path}")) { Content = content };
        request.Headers.Accept.ParseAdd(string.Join(',', Kinds));
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", _registry.Signer.Sign(
            "server", [new RegistryScope(RegistryScope.Repository, repository.Name, [RegistryScope.Pull, RegistryScope.Push, RegistryScope.Delete])]));
        var response = await ReachAsync(request, cancellation);
        if (response.IsSuccessStatusCode || response.StatusCode == HttpStatusCode.NotFound || expected.Contains(response.StatusCode))
        {
            return response;
        }

        using (response)
        {
            throw Trouble(response.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden
                ? "does not believe this server's tokens; give it the certificates of `slipway admin registry certificates`, and check both clocks"
                : $"answers {((int)response.StatusCode).ToString(CultureInfo.InvariantCulture)} to {method} {path.Split('/', '?')[0]}; its log says more");
        }
    }

    private async Task<HttpResponseMessage> ReachAsync(HttpRequestMessage request, CancellationToken cancellation)
    {
        try
        {
            return await _http.SendAsync(request, cancellation);
        }
        catch (HttpRequestException failure)
        {
            throw Trouble($"cannot be reached from the server: {(failure.InnerException ?? failure).Message.TrimEnd('.')}");
        }
        catch (TaskCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw Trouble($"does not answer the server within {Patience.TotalSeconds:0} seconds");
        }
    }

    private async Task<JsonDocument> ReadAsync(HttpResponseMessage response, CancellationToken cancellation) => Parse(await ContentAsync(response, cancellation));

    private static Task<byte[]> ContentAsync(HttpResponseMessage response, CancellationToken cancellation) => response.Content.ReadAsByteArrayAsync(cancellation);

    private JsonDocument Parse(byte[] content)
    {
        try
        {
            return JsonDocument.Parse(content);
        }
        catch (JsonException)
        {
            throw Trouble("answers with something that is no JSON; check --registry-url");
        }
    }

    private ApiException Trouble(string what) => new(ConnectCode.Unavailable, $"the registry {_registry.Host} {what}");

    // RFC 8288: </v2/NAME/tags/list?last=x&n=1000>; rel="next".
    private static string? Next(HttpResponseMessage response) =>
        response.Headers.TryGetValues("Link", out var links) && links.First() is var link && link.IndexOf("tags/list", StringComparison.Ordinal) is > 0 and var start
        && link.IndexOf('>', start) is > 0 and var end ? link[start..end] : null;

    [GeneratedRegex("^sha256:[0-9a-f]{64}$")]
    private static partial Regex Digest();
}
