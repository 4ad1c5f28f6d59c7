using System.Diagnostics;
using System.Net;
using System.Text.Json;
using Slipway.Builder.Engine;

namespace Slipway.Bench.Identity;

/// <summary>A `slipway server` of its own on a real disk: on tmpfs a flush is free.</summary>
internal sealed class BenchServer : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);
    private readonly Process _process;
    private readonly string _folder;

    private BenchServer(Process process, string folder) => (_process, _folder) = (process, folder);

    public Uri Url { get; private set; } = new("http://127.0.0.1");

    public string Token { get; private set; } = "";

    public string ProjectId { get; private set; } = "";

    public IPEndPoint Endpoint => new(IPAddress.Loopback, Url.Port);

    /// <summary>What the server has used of the processors so far.</summary>
    public TimeSpan ProcessorTime
    {
        get
        {
            _process.Refresh();
            return _process.TotalProcessorTime;
        }
    }

    public static async Task<BenchServer> StartAsync(string root, string issuer, CancellationToken cancellation)
    {
        var folder = Directory.CreateTempSubdirectory("slipway-bench-").FullName;
        var start = new ProcessStartInfo(Path.Combine(root, "out/bin/slipway")) { RedirectStandardOutput = true };
        foreach (var argument in (string[])["server", "--data", folder, "--listen", "127.0.0.1:0", "--log-level", "none", "--oidc-allow-insecure-issuer", issuer])
        {
            start.ArgumentList.Add(argument);
        }

        var server = new BenchServer(Process.Start(start)!, folder);
        try
        {
            await server.WaitUntilReadyAsync(cancellation);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        _ = Libc.Kill(_process.Id, Libc.SigTerm);
        try
        {
            await _process.WaitForExitAsync().WaitAsync(Patience);
        }
        catch (TimeoutException)
        {
            _process.Kill(entireProcessTree: true);
        }

        _process.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task WaitUntilReadyAsync(CancellationToken cancellation)
    {
        const string Ready = "slipway is ready at ";
        while (await _process.StandardOutput.ReadLineAsync(cancellation).AsTask().WaitAsync(Patience, cancellation) is { } line)
        {
            if (line.StartsWith(Ready, StringComparison.Ordinal))
            {
                using var credentials = JsonDocument.Parse(await File.ReadAllTextAsync(Path.Combine(_folder, "credentials.json"), cancellation));
                Url = new Uri(line[Ready.Length..]);
                Token = credentials.RootElement.GetProperty("token").GetString()!;
                ProjectId = credentials.RootElement.GetProperty("projectId").GetString()!;
                return;
            }
        }

        throw new InvalidOperationException("slipway server ended before it was ready");
    }
}
