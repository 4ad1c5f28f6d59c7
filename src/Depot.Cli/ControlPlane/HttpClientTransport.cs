using System.Net;
using System.Net.Http.Headers;
using System.Security.Authentication;
using Slipway.BuildKit.Proxies;

namespace Depot.Cli.ControlPlane;

/// <summary>The way to a server behind a proxy or on HTTP/1.1.</summary>
internal sealed class HttpClientTransport : IApiTransport
{
    private readonly ApiEndpoint _endpoint;
    private readonly ProxyRules _proxies;
    private readonly HttpClient _http;

    /// <param name="version">The HTTP version to ask for; a lower one is taken over TLS.</param>
    public HttpClientTransport(ApiEndpoint endpoint, Version version, ProxyRules proxies, TimeSpan connectTimeout)
    {
        (_endpoint, _proxies) = (endpoint, proxies);
        var handler = new SocketsHttpHandler { ConnectTimeout = connectTimeout, AllowAutoRedirect = false, UseCookies = false, Proxy = proxies };
        _http = new HttpClient(handler)
        {
            // Each call brings its own deadline.
            Timeout = Timeout.InfiniteTimeSpan,
            MaxResponseContentBufferSize = ApiReply.BodyBytesMax,
            DefaultRequestVersion = version,
            DefaultVersionPolicy = endpoint.IsTls ? HttpVersionPolicy.RequestVersionOrLower : HttpVersionPolicy.RequestVersionExact,
        };
    }

    public async Task<ApiReply> PostAsync(ApiPost post, CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(_endpoint.Base, post.Path))
        {
            Version = _http.DefaultRequestVersion,
            VersionPolicy = _http.DefaultVersionPolicy,
            Content = new ReadOnlyMemoryContent(post.Body),
        };
        foreach (var (name, value) in post.Headers)
        {
            if (name == "content-type")
            {
                request.Content.Headers.ContentType = new MediaTypeHeaderValue(value);
            }
            else
            {
                request.Headers.TryAddWithoutValidation(name, value);
            }
        }

        try
        {
            using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseContentRead, cancellation);
            if (response.StatusCode == HttpStatusCode.ProxyAuthenticationRequired)
            {
                throw Unreachable.Because(_endpoint, new ProxyException(_proxies.Find(_endpoint.Base) ?? _endpoint.Base, "wants a login", null) { WantsLogin = true }, nothingSent: true);
            }

            var body = await response.Content.ReadAsByteArrayAsync(cancellation);
            return new ApiReply((int)response.StatusCode, response.Content.Headers.ContentType?.ToString() ?? "", response.Headers.Date?.ToString("r") ?? "", body);
        }
        catch (HttpRequestException problem)
        {
            throw Explain(problem);
        }
    }

    public ValueTask DisposeAsync()
    {
        _http.Dispose();
        return ValueTask.CompletedTask;
    }

    private ApiException Explain(HttpRequestException problem) => problem.HttpRequestError switch
    {
        HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError or HttpRequestError.ProxyTunnelError =>
            Unreachable.Because(_endpoint, problem.InnerException ?? problem, nothingSent: true),
        HttpRequestError.SecureConnectionError when problem.InnerException is AuthenticationException tls => Unreachable.Because(_endpoint, tls, nothingSent: true),
        _ => Unreachable.Because(_endpoint, problem.InnerException ?? problem, nothingSent: false),
    };
}
