using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using System.Text.RegularExpressions;
using Depot.Cli.Build;
using Slipway.BuildKit;
using Slipway.BuildKit.Control;
using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Http2;
using Slipway.BuildKit.Proxies;
using Slipway.BuildKit.Wire.Content;

namespace Depot.Cli.Docker;

/// <summary>The Docker daemon of this machine, as the place that images are loaded into.</summary>
internal sealed partial class LocalDocker : IAsyncDisposable
{
    private const string ContentInfo = "/containerd.services.content.v1.Content/Info";
    private const int InspectionsMax = 8;
    private const string ContainerdSnapshotter = "io.containerd.snapshotter.v1";
    private const string LoadRemedy = "--load puts the image into a local Docker. Start one or set DOCKER_HOST; or use --push, or --output type=oci,dest=FILE.";
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan InfoTimeout = TimeSpan.FromSeconds(20);

    private readonly DockerEndpoint _endpoint;
    private readonly HttpClient _http;
    private readonly Lock _gate = new();
    private Task<GrpcChannel>? _engine;

    private LocalDocker(DockerEndpoint endpoint)
    {
        _endpoint = endpoint;
        _http = new HttpClient(CreateHandler(endpoint))
        {
            BaseAddress = BaseAddress(endpoint),
            Timeout = Timeout.InfiniteTimeSpan,
        };
    }

    /// <summary>Images are kept in containerd's store, which imports OCI archives and knows manifest lists.</summary>
    public bool UsesContainerdStore { get; private set; }

    /// <summary>What its containers run as.</summary>
    public PlatformName Platform { get; private set; } = PlatformName.Local;

    /// <summary>Connects and asks what it is, so that a missing Docker is known before anything is built.</summary>
    /// <param name="remedy">For whom there is none.</param>
    public static async Task<LocalDocker> ConnectAsync(DockerEndpoint endpoint, CancellationToken cancellation, string remedy = LoadRemedy)
    {
        var docker = new LocalDocker(endpoint);
        try
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            limit.CancelAfter(InfoTimeout);
            await using var stream = await docker._http.GetStreamAsync(new Uri("/info", UriKind.Relative), limit.Token);
            using var info = await JsonDocument.ParseAsync(stream, cancellationToken: limit.Token);
            docker.UsesContainerdStore = HasContainerdDriver(info.RootElement);
            docker.Platform = PlatformOf(info.RootElement) ?? docker.Platform;
            return docker;
        }
        catch (Exception problem) when (problem is HttpRequestException or JsonException or IOException || (problem is OperationCanceledException && !cancellation.IsCancellationRequested))
        {
            await docker.DisposeAsync();
            throw NoDocker(endpoint, problem, remedy);
        }
        catch
        {
            await docker.DisposeAsync();
            throw;
        }
    }

    /// <summary>Streams an image archive into the daemon.</summary>
    /// <param name="write">Writes the archive.</param>
    /// <param name="report">Receives what the daemon says while it imports.</param>
    /// <exception cref="ImageIncompleteException">The daemon misses a blob or a layer that is not in the archive.</exception>
    public async Task ImportAsync(Func<Stream, CancellationToken, Task> write, Action<string> report, CancellationToken cancellation)
    {
        using var content = new ArchiveContent(write);
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri("/images/load?quiet=1", UriKind.Relative)) { Content = content };

        // A daemon that refuses says so before it is sent an image; without this the refusal is lost in a broken pipe.
        request.Headers.ExpectContinue = true;
        using var response = await SendAsync(request, cancellation);
        await using var answer = await response.Content.ReadAsStreamAsync(cancellation);
        using var lines = new StreamReader(answer);
        while (await lines.ReadLineAsync(cancellation) is { } line)
        {
            ReadProgress(line, report);
        }
    }

    /// <summary>Lets the daemon pull an image.</summary>
    /// <param name="read">Receives every message of its progress.</param>
    public async Task PullAsync(string image, string platform, DockerLogin login, Action<JsonElement> read, CancellationToken cancellation)
    {
        var query = $"fromImage={Uri.EscapeDataString(image)}{(platform.Length > 0 ? $"&platform={Uri.EscapeDataString(platform)}" : "")}";
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri($"/images/create?{query}", UriKind.Relative));
        request.Headers.Add("X-Registry-Auth", login.ToHeader());
        using var response = await AskAsync(request, image, cancellation);
        using var lines = new StreamReader(await response.Content.ReadAsStreamAsync(cancellation));
        while (await lines.ReadLineAsync(cancellation) is { } line)
        {
            if (line.Length > 0)
            {
                using var message = JsonDocument.Parse(line);
                read(message.RootElement);
            }
        }
    }

    /// <summary>Gives an image that the daemon has another name.</summary>
    public async Task TagAsync(string image, string name, CancellationToken cancellation)
    {
        var full = ImageReference.Canonical(name);
        var (repository, tag) = (ImageReference.Repository(full), ImageReference.Locate(full).Tag);
        using var request = new HttpRequestMessage(
            HttpMethod.Post, new Uri($"/images/{image}/tag?repo={Uri.EscapeDataString(repository)}&tag={Uri.EscapeDataString(tag)}", UriKind.Relative));
        using var response = await AskAsync(request, image, cancellation);
    }

    public static CliException NotPulled(string image, string why) => new($"cannot pull {image}: {why}");

    private async Task<HttpResponseMessage> AskAsync(HttpRequestMessage request, string image, CancellationToken cancellation)
    {
        try
        {
            var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation);
            return response.IsSuccessStatusCode ? response : throw NotPulled(image, Message(await response.Content.ReadAsStringAsync(cancellation)));
        }
        catch (HttpRequestException problem)
        {
            throw NotPulled(image, $"Docker at {_endpoint}: {ConnectFault.Reason(problem.InnerException ?? problem)}");
        }
    }

    /// <summary>Asks containerd's content store, which the daemon's BuildKit endpoint shows, for a blob.</summary>
    public async Task<bool> HasBlobAsync(string digest, CancellationToken cancellation)
    {
        try
        {
            var channel = await Engine(cancellation);
            var answer = await channel.UnaryAsync(ContentInfo, new InfoRequest { Digest = digest }, InfoResponse.Parser, cancellation);
            return answer.Info?.Digest == digest;
        }
        catch (Exception problem) when (problem is GrpcStatusException or HttpRequestException or IOException)
        {
            // NotFound, or a daemon that does not tell: then the blob is sent.
            return false;
        }
    }

    /// <summary>The chains of all layers of the daemon's images.</summary>
    public async Task<IReadOnlySet<string>> ChainsAsync(CancellationToken cancellation)
    {
        using var images = await GetAsync("/images/json", cancellation);
        var ids = images.RootElement.EnumerateArray().Select(image => image.GetProperty("Id").GetString()!).ToList();
        var chains = new ConcurrentDictionary<string, byte>(StringComparer.Ordinal);
        await Parallel.ForEachAsync(ids, new ParallelOptions { MaxDegreeOfParallelism = InspectionsMax, CancellationToken = cancellation }, async (id, stop) =>
        {
            foreach (var chain in await ChainsOfAsync(id, stop))
            {
                chains.TryAdd(chain, 0);
            }
        });
        return chains.Keys.ToHashSet(StringComparer.Ordinal);
    }

    public async ValueTask DisposeAsync()
    {
        if (_engine is { IsCompletedSuccessfully: true })
        {
            await (await _engine).DisposeAsync();
        }

        _http.Dispose();
    }

    private Task<GrpcChannel> Engine(CancellationToken cancellation)
    {
        lock (_gate)
        {
            return _engine ??= OpenEngineAsync(cancellation);
        }
    }

    /// <summary><c>POST /grpc</c> turns the connection into HTTP/2 with prior knowledge.</summary>
    private async Task<GrpcChannel> OpenEngineAsync(CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri("/grpc", UriKind.Relative));
        request.Headers.Connection.Add("Upgrade");
        request.Headers.Upgrade.Add(new ProductHeaderValue("h2c"));
        var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation);
        return response.StatusCode == HttpStatusCode.SwitchingProtocols
            ? GrpcChannel.Start(await response.Content.ReadAsStreamAsync(cancellation), "http", "docker", new Http2Options())
            : throw new IOException($"Docker at {_endpoint} does not show its BuildKit: it answered {(int)response.StatusCode}");
    }

    private async Task<IEnumerable<string>> ChainsOfAsync(string id, CancellationToken cancellation)
    {
        try
        {
            using var image = await GetAsync($"/images/{id}/json", cancellation);
            return image.RootElement.TryGetProperty("RootFS", out var files) && files.TryGetProperty("Layers", out var layers)
                ? ImageLayer.Chains(layers.EnumerateArray().Select(layer => layer.GetString()!)).ToList()
                : [];
        }
        catch (HttpRequestException problem) when (problem.StatusCode == HttpStatusCode.NotFound)
        {
            // Removed in between.
            return [];
        }
    }

    private async Task<JsonDocument> GetAsync(string path, CancellationToken cancellation)
    {
        await using var stream = await _http.GetStreamAsync(new Uri(path, UriKind.Relative), cancellation);
        return await JsonDocument.ParseAsync(stream, cancellationToken: cancellation);
    }

    private async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellation)
    {
        HttpResponseMessage response;
        try
        {
            response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation);
        }
        catch (HttpRequestException problem)
        {
            throw new CliException($"loading the image into Docker at {_endpoint} failed: {ConnectFault.Reason(problem.InnerException ?? problem)}", inner: problem);
        }

        if (response.IsSuccessStatusCode)
        {
            return response;
        }

        using (response)
        {
            var message = Message(await response.Content.ReadAsStringAsync(cancellation));
            throw Incomplete(message) ?? new CliException($"Docker at {_endpoint} refused the image: {message}") as Exception;
        }
    }

    /// <summary>The daemon answers 200 before it unpacks: only the stream tells whether the image arrived.</summary>
    private void ReadProgress(string line, Action<string> report)
    {
        if (line.Length == 0)
        {
            return;
        }

        try
        {
            using var document = JsonDocument.Parse(line);
            var root = document.RootElement;
            if (root.TryGetProperty("error", out var error))
            {
                throw NotLoaded(error.GetString() ?? "");
            }

            if (root.TryGetProperty("stream", out var text))
            {
                var said = text.GetString() ?? "";
                report(said);

                // containerd's importer reports a blob that it cannot unpack as ordinary output.
                if (said.StartsWith("Error unpacking image", StringComparison.Ordinal))
                {
                    throw NotLoaded(said.TrimEnd());
                }
            }
        }
        catch (JsonException)
        {
            report(line);
        }
    }

    private Exception NotLoaded(string said) =>
        Incomplete(said) ?? new CliException($"Docker at {_endpoint} could not load the image: {said}") as Exception;

    /// <summary>The words of containerd's store for a blob, and of the classic one for a layer's file.</summary>
    private static ImageIncompleteException? Incomplete(string said) =>
        MissingBlob().Matches(said) is { Count: > 0 } blobs ? new ImageIncompleteException(said, blobs.Select(blob => blob.Groups[1].Value).ToList())
        : said.Contains("no such file or directory", StringComparison.Ordinal) ? new ImageIncompleteException(said, [])
        : null;

    [GeneratedRegex(@"\b(sha256:[0-9a-f]{64}): not found")]
    private static partial Regex MissingBlob();

    private static string Message(string body)
    {
        try
        {
            using var document = JsonDocument.Parse(body);
            return document.RootElement.TryGetProperty("message", out var message) ? message.GetString() ?? body : body;
        }
        catch (JsonException)
        {
            return body.Length == 0 ? "it gave no reason" : body.Trim();
        }
    }

    private static bool HasContainerdDriver(JsonElement info)
    {
        if (!info.TryGetProperty("DriverStatus", out var status) || status.ValueKind != JsonValueKind.Array)
        {
            return false;
        }

        return status.EnumerateArray().Any(pair => pair.ValueKind == JsonValueKind.Array && pair.GetArrayLength() == 2
            && pair[0].GetString() == "driver-type" && pair[1].GetString() == ContainerdSnapshotter);
    }

    private static PlatformName? PlatformOf(JsonElement info) =>
        info.TryGetProperty("OSType", out var system) && info.TryGetProperty("Architecture", out var architecture)
            ? PlatformName.Parse($"{system.GetString()}/{architecture.GetString()}")
            : null;

    private static CliException NoDocker(DockerEndpoint endpoint, Exception problem, string remedy)
    {
        var cause = problem is HttpRequestException { InnerException: { } inner } ? inner : problem;
        return new CliException($"Cannot connect to the Docker daemon at {endpoint}. Is the docker daemon running? ({Reason(cause)})", inner: problem)
        {
            Remedy = remedy,
        };
    }

    private static string Reason(Exception cause) => cause switch
    {
        SocketException { SocketErrorCode: SocketError.AddressNotAvailable } => "no such file or directory",
        SocketException { SocketErrorCode: SocketError.AccessDenied } => "permission denied",
        _ => ConnectFault.Reason(cause),
    };

    private static Uri BaseAddress(DockerEndpoint endpoint)
    {
        if (endpoint.LocalPath is not null)
        {
            return new Uri("http://docker");
        }

        var tls = endpoint.CertificateFolder is not null || endpoint.Address.Scheme == "https";
        return new UriBuilder(tls ? "https" : "http", endpoint.Address.Host, endpoint.Address.Port > 0 ? endpoint.Address.Port : tls ? 2376 : 2375).Uri;
    }

    private static SocketsHttpHandler CreateHandler(DockerEndpoint endpoint)
    {
        var handler = new SocketsHttpHandler { ConnectTimeout = ConnectTimeout, UseProxy = false };
        if (endpoint.LocalPath is { } path)
        {
            handler.ConnectCallback = async (_, cancellation) => await LocalService.ConnectAsync(path, cancellation);
        }
        else if (endpoint.CertificateFolder is { } folder)
        {
            UseCertificates(handler, folder);
        }

        return handler;
    }

    private static void UseCertificates(SocketsHttpHandler handler, string folder)
    {
        var own = Path.Combine(folder, "cert.pem");
        if (File.Exists(own))
        {
            handler.SslOptions.ClientCertificates = [ClientCertificate.FromPem(File.ReadAllText(own), File.ReadAllText(Path.Combine(folder, "key.pem")))];
        }

        var authority = Path.Combine(folder, "ca.pem");
        if (File.Exists(authority))
        {
            handler.SslOptions.CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
            handler.SslOptions.CertificateChainPolicy.CustomTrustStore.ImportFromPemFile(authority);
        }
    }
}
