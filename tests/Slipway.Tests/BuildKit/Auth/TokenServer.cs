using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Slipway.Tests.BuildKit.Auth;

/// <summary>A registry's token endpoint on a real socket: one request per connection.</summary>
internal sealed class TokenServer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Func<TokenServerRequest, (int Status, string Body)> _answer;
    private Task _serving = Task.CompletedTask;

    private TokenServer(Func<TokenServerRequest, (int Status, string Body)> answer) => _answer = answer;

    public List<TokenServerRequest> Requests { get; } = [];

    public string Address => $"http://{_listener.LocalEndpoint}/token";

    public static Task<TokenServer> StartAsync(Func<TokenServerRequest, (int Status, string Body)> answer)
    {
        var server = new TokenServer(answer);
        server._listener.Start();
        server._serving = server.ServeAsync();
        return Task.FromResult(server);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _serving.ContinueWith(_ => { }, TaskScheduler.Default);
        _stop.Dispose();
    }

    private async Task ServeAsync()
    {
        while (true)
        {
            using var client = await _listener.AcceptTcpClientAsync(_stop.Token);
            await using var stream = client.GetStream();
            var request = await ReadAsync(stream);
            Requests.Add(request);
            var (status, body) = _answer(request);
            await stream.WriteAsync(
                Encoding.UTF8.GetBytes($"HTTP/1.1 {status} Answer\r\nConnection: close\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\n\r\n{body}"), _stop.Token);
        }
    }

    private async Task<TokenServerRequest> ReadAsync(NetworkStream stream)
    {
        var text = new StringBuilder();
        var buffer = new byte[16 * 1024];
        while (true)
        {
            var all = text.ToString();
            var end = all.IndexOf("\r\n\r\n", StringComparison.Ordinal);
            if (end >= 0)
            {
                var head = all[..end].Split("\r\n");
                var headers = head.Skip(1).Select(line => line.Split(": ", 2)).ToDictionary(pair => pair[0], pair => pair[1], StringComparer.OrdinalIgnoreCase);
                var length = headers.TryGetValue("Content-Length", out var announced) ? int.Parse(announced) : 0;
                if (all.Length - end - 4 >= length)
                {
                    var line = head[0].Split(' ');
                    return new TokenServerRequest(line[0], line[1], headers.GetValueOrDefault("Authorization", ""), all[(end + 4)..]);
                }
            }

            text.Append(Encoding.UTF8.GetString(buffer, 0, await stream.ReadAsync(buffer, _stop.Token)));
        }
    }
}

internal sealed record TokenServerRequest(string Method, string Target, string Authorization, string Body);
