using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Slipway.Tests.BuildKit.Proxies;

/// <summary>A forward proxy on a real socket: CONNECT, absolute-form requests, and SOCKS 5, with a login when one is set.</summary>
internal sealed class ProxyDouble : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _accepting;

    public ProxyDouble()
    {
        _listener.Start();
        _accepting = AcceptAsync();
    }

    /// <summary><c>user:password</c>; null lets everybody in.</summary>
    public string? Login { get; init; }

    /// <summary>Where everything is sent in truth, for names that do not exist.</summary>
    public int? AllTo { get; init; }

    public string Address => $"127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";

    /// <summary>First lines of what was asked, <c>SOCKS host:port</c> for the other protocol.</summary>
    public ConcurrentQueue<string> Asked { get; } = new();

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _accepting;
        _listener.Stop();
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        var all = new List<Task>();
        try
        {
            while (true)
            {
                var client = await _listener.AcceptTcpClientAsync(_stop.Token);
                all.Add(ServeAsync(client));
            }
        }
        catch (Exception problem) when (problem is OperationCanceledException or SocketException)
        {
            await Task.WhenAll(all);
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                var stream = client.GetStream();
                var first = new byte[1];
                await stream.ReadExactlyAsync(first, _stop.Token);
                await (first[0] == 5 ? ServeSocksAsync(stream) : ServeHttpAsync(stream, first[0]));
            }
            catch (Exception problem) when (problem is IOException or SocketException or OperationCanceledException)
            {
                // The peer has gone, or the test has ended.
            }
        }
    }

    private async Task ServeHttpAsync(NetworkStream stream, byte first)
    {
        var head = new StringBuilder().Append((char)first);
        var one = new byte[1];
        while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            await stream.ReadExactlyAsync(one, _stop.Token);
            head.Append((char)one[0]);
        }

        var lines = head.ToString().Split("\r\n");
        Asked.Enqueue(lines[0]);
        var expected = Login is null ? null : $"Proxy-Authorization: Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes(Login))}";
        if (expected is not null && !lines.Contains(expected))
        {
            await stream.WriteAsync("HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"u8.ToArray(), _stop.Token);
            return;
        }

        var words = lines[0].Split(' ');
        if (words[0] == "CONNECT")
        {
            var colon = words[1].LastIndexOf(':');
            using var target = await DialAsync(words[1][..colon], int.Parse(words[1][(colon + 1)..]));
            await stream.WriteAsync("HTTP/1.1 200 Connection established\r\n\r\n"u8.ToArray(), _stop.Token);
            await JoinAsync(stream, target.GetStream());
            return;
        }

        // Passes the request on in origin form, and the rest as it comes.
        var url = new Uri(words[1]);
        using var origin = await DialAsync(url.Host, url.Port);
        var passed = string.Join("\r\n", lines.Skip(1).Where(line => !line.StartsWith("Proxy-", StringComparison.OrdinalIgnoreCase)).Prepend($"{words[0]} {url.PathAndQuery} {words[2]}"));
        await origin.GetStream().WriteAsync(Encoding.Latin1.GetBytes(passed), _stop.Token);
        await JoinAsync(stream, origin.GetStream());
    }

    private async Task ServeSocksAsync(NetworkStream stream)
    {
        var methods = await ReadAsync(stream, (await ReadAsync(stream, 1))[0]);
        var wanted = (byte)(Login is null ? 0 : 2);
        await stream.WriteAsync(new byte[] { 5, methods.Contains(wanted) ? wanted : (byte)0xff }, _stop.Token);
        if (wanted == 2 && methods.Contains(wanted))
        {
            await ReadAsync(stream, 1);
            var user = Encoding.UTF8.GetString(await ReadAsync(stream, (await ReadAsync(stream, 1))[0]));
            var password = Encoding.UTF8.GetString(await ReadAsync(stream, (await ReadAsync(stream, 1))[0]));
            await stream.WriteAsync(new byte[] { 1, (byte)($"{user}:{password}" == Login ? 0 : 1) }, _stop.Token);
        }

        await ReadAsync(stream, 4);
        var host = Encoding.UTF8.GetString(await ReadAsync(stream, (await ReadAsync(stream, 1))[0]));
        var portBytes = await ReadAsync(stream, 2);
        var port = (portBytes[0] << 8) | portBytes[1];
        Asked.Enqueue($"SOCKS {host}:{port}");
        try
        {
            using var target = await DialAsync(host, port);
            await stream.WriteAsync(new byte[] { 5, 0, 0, 1, 0, 0, 0, 0, 0, 0 }, _stop.Token);
            await JoinAsync(stream, target.GetStream());
        }
        catch (SocketException)
        {
            await stream.WriteAsync(new byte[] { 5, 5, 0, 1, 0, 0, 0, 0, 0, 0 }, _stop.Token);
        }
    }

    private async Task<TcpClient> DialAsync(string host, int port)
    {
        var target = new TcpClient();
        await target.ConnectAsync(AllTo is null ? host.Trim('[', ']') : "127.0.0.1", AllTo ?? port, _stop.Token);
        return target;
    }

    private async Task JoinAsync(NetworkStream one, NetworkStream other)
    {
        var there = one.CopyToAsync(other, _stop.Token);
        var back = other.CopyToAsync(one, _stop.Token);
        await Task.WhenAny(there, back);
        one.Socket.Shutdown(SocketShutdown.Both);
        other.Socket.Shutdown(SocketShutdown.Both);
        await Task.WhenAll(there.ContinueWith(_ => { }, TaskScheduler.Default), back.ContinueWith(_ => { }, TaskScheduler.Default));
    }

    private async Task<byte[]> ReadAsync(NetworkStream stream, int count)
    {
        var bytes = new byte[count];
        await stream.ReadExactlyAsync(bytes, _stop.Token);
        return bytes;
    }
}
