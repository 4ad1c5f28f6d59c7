using System.Buffers;
using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using Slipway.BuildKit.Http2;
using Slipway.BuildKit.Proxies;

namespace Depot.Cli.ControlPlane;

/// <summary>The usual way to a server: one HTTP/2 connection of the client's own engine, shared by all calls.</summary>
/// <remarks>Through CONNECT where a proxy leads to it. .NET's own client would cost a cached build a fifth of its time. It takes over where the server speaks HTTP/1.1 only: when ALPN
/// says so, or when a cleartext server answers the HTTP/2 preface with something else.</remarks>
internal sealed class Http2Transport(ApiEndpoint endpoint, ProxyRules proxies, TimeSpan connectTimeout, TimeProvider clock) : IApiTransport
{
    private const int ReadBytes = 64 * 1024;

    private readonly SemaphoreSlim _opening = new(1, 1);
    private Http2Connection? _connection;
    private HttpClientTransport? _older;
    private bool _hasAnswered;

    public async Task<ApiReply> PostAsync(ApiPost post, CancellationToken cancellation)
    {
        var connection = await ConnectAsync(cancellation);
        if (connection is null)
        {
            return await _older!.PostAsync(post, cancellation);
        }

        try
        {
            var reply = await PostAsync(connection, post, cancellation);
            _hasAnswered = true;
            return reply;
        }
        catch (Http2Exception problem) when (!_hasAnswered && !endpoint.IsTls && problem.Code is (Http2ErrorCode.ProtocolError or Http2ErrorCode.FrameSizeError))
        {
            // The preface was answered with what is no HTTP/2: nothing was understood, so nothing is done twice.
            UseOlder();
            return await _older!.PostAsync(post, cancellation);
        }
        catch (Exception problem) when (problem is Http2Exception or IOException)
        {
            throw Unreachable.Because(endpoint, problem, nothingSent: problem is Http2Exception { Code: Http2ErrorCode.RefusedStream });
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_connection is not null)
        {
            await _connection.DisposeAsync();
        }

        if (_older is not null)
        {
            await _older.DisposeAsync();
        }

        _opening.Dispose();
    }

    private async Task<ApiReply> PostAsync(Http2Connection connection, ApiPost post, CancellationToken cancellation)
    {
        await using var stream = await connection.OpenAsync(Fields(post), cancellation);
        await stream.SendDataAsync(post.Body, default, default, endStream: true, cancellation);
        var headers = await stream.Headers.WaitAsync(cancellation);
        var status = Value(headers, ":status");
        var body = new ArrayBufferWriter<byte>();
        while (true)
        {
            var arrived = await stream.WaitAsync(ReadBytes, cancellation);
            if (arrived == 0)
            {
                break;
            }

            stream.Read(body.GetSpan(arrived)[..arrived]);
            body.Advance(arrived);
            if (body.WrittenCount > ApiReply.BodyBytesMax)
            {
                throw new ApiException("unknown", string.Create(CultureInfo.InvariantCulture, $"the answer of {endpoint.Text} is longer than {ApiReply.BodyBytesMax} bytes"));
            }
        }

        return new ApiReply(int.TryParse(status, NumberStyles.None, CultureInfo.InvariantCulture, out var code) ? code : 0, Value(headers, "content-type"), Value(headers, "date"), body.WrittenMemory);
    }

    private IEnumerable<HeaderField> Fields(ApiPost post)
    {
        yield return new(":method", "POST");
        yield return new(":scheme", endpoint.Base.Scheme);
        yield return new(":path", post.Path);
        yield return new(":authority", endpoint.Base.Authority);
        foreach (var (name, value) in post.Headers)
        {
            yield return new(name, value);
        }

        yield return new("content-length", post.Body.Length.ToString(CultureInfo.InvariantCulture));
    }

    private static string Value(IReadOnlyList<HeaderField> headers, string name)
    {
        foreach (var header in headers)
        {
            if (header.Name == name)
            {
                return header.Value;
            }
        }

        return "";
    }

    /// <summary>The living connection; null when the server speaks HTTP/1.1.</summary>
    private async Task<Http2Connection?> ConnectAsync(CancellationToken cancellation)
    {
        await _opening.WaitAsync(cancellation);
        try
        {
            if (_older is not null)
            {
                return null;
            }

            if (_connection is { Completion.IsCompleted: true })
            {
                await _connection.DisposeAsync();
                _connection = null;
            }

            if (_connection is null && await DialAsync(cancellation) is { } stream)
            {
                _connection = Http2Connection.StartClient(stream, new Http2Options { Clock = clock });
            }

            return _connection;
        }
        finally
        {
            _opening.Release();
        }
    }

    private async Task<Stream?> DialAsync(CancellationToken cancellation)
    {
        using var limit = new CancellationTokenSource(connectTimeout, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, limit.Token);
        try
        {
            var plain = await ProxyTunnel.ConnectAsync(proxies.Find(endpoint.Base), endpoint.Base.IdnHost, endpoint.Base.Port, either.Token);
            return endpoint.IsTls ? await SecureAsync(plain, either.Token) : plain;
        }
        catch (OperationCanceledException problem) when (!cancellation.IsCancellationRequested)
        {
            throw Unreachable.Because(endpoint, problem, nothingSent: true);
        }
        catch (Exception problem) when (problem is SocketException or IOException or AuthenticationException)
        {
            throw Unreachable.Because(endpoint, problem, nothingSent: true);
        }
    }

    private async Task<Stream?> SecureAsync(Stream plain, CancellationToken cancellation)
    {
        var secure = new SslStream(plain);
        var options = new SslClientAuthenticationOptions
        {
            TargetHost = endpoint.Base.IdnHost,
            ApplicationProtocols = [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11],
        };
        try
        {
            await secure.AuthenticateAsClientAsync(options, cancellation);
        }
        catch
        {
            await secure.DisposeAsync();
            throw;
        }

        if (secure.NegotiatedApplicationProtocol == SslApplicationProtocol.Http2)
        {
            return secure;
        }

        await secure.DisposeAsync();
        UseOlder();
        return null;
    }

    private void UseOlder() => _older ??= new HttpClientTransport(endpoint, HttpVersion.Version11, proxies, connectTimeout);
}
