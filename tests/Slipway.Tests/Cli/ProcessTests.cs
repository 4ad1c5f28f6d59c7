using System.Diagnostics;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Slipway.BuildKit.Wire.Control;
using Slipway.Contract.Depot.Cli.V1;
using Slipway.Tests.BuildKit.Proxies;
using Xunit;

namespace Slipway.Tests.Cli;

/// <summary>The program as a process: what only a process has (signals, exit codes, the machine's trust).</summary>
public sealed class ProcessTests : IDisposable
{
    private readonly CliScene _scene = new();

    public void Dispose() => _scene.Dispose();

    [Theory]
    [InlineData("--version", "depot version ")]
    [InlineData("version", "depot version ")]
    [InlineData("docker-cli-plugin-metadata", "{\"SchemaVersion\":\"0.1.0\",\"Vendor\":\"")]
    public async Task It_says_what_it_is(string word, string expected)
    {
        var (exitCode, output, error) = await RunAsync(Start([word]));
        Assert.StartsWith(expected, output);
        Assert.Equal("", error);
        Assert.Equal(0, exitCode);
    }

    [Theory]
    [InlineData("INT")]
    [InlineData("TERM")]
    public async Task One_signal_cancels_the_build_in_good_order(string signal)
    {
        var running = new TaskCompletionSource();
        await using var builder = new FakeBuilder(async (_, cancellation) =>
        {
            running.SetResult();
            await Task.Delay(Timeout.Infinite, cancellation);
            return new SolveResponse();
        });
        var finished = new TaskCompletionSource<FinishBuildRequest>();
        await using var server = (await ConnectDouble.StartAsync()).WithBuild(builder.Endpoint).On("FinishBuild", FinishBuildRequest.Parser, request =>
        {
            finished.SetResult(request);
            return new FinishBuildResponse();
        });
        using var depot = StartBuild(server);
        var result = RunAsync(depot);
        await running.Task.WaitAsync(TimeSpan.FromSeconds(60));
        Kill(depot, signal);
        var (exitCode, _, error) = await result;
        Assert.Equal(130, exitCode);
        Assert.EndsWith("ERROR: failed to build: failed to solve: Canceled: context canceled\n", error);
        Assert.Equal(FinishBuildRequest.ResultOneofCase.Canceled, (await finished.Task).ResultCase);
        await builder.Abandoned.Task;
    }

    [Fact]
    public async Task The_third_signal_ends_it_at_once()
    {
        var running = new TaskCompletionSource();
        await using var builder = new FakeBuilder(async (_, cancellation) =>
        {
            running.SetResult();
            await Task.Delay(Timeout.Infinite, cancellation);
            return new SolveResponse();
        });
        await using var server = (await ConnectDouble.StartAsync()).WithBuild(builder.Endpoint);
        server.OnRaw("FinishBuild", (context, _) => Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default));
        using var depot = StartBuild(server);
        var result = RunAsync(depot);
        await running.Task.WaitAsync(TimeSpan.FromSeconds(60));

        // Signals of one kind merge while one is pending: each is sent until the process has gone.
        while (!result.IsCompleted)
        {
            Kill(depot, "INT");
            await Task.WhenAny(result, Task.Delay(TimeSpan.FromMilliseconds(100)));
        }

        Assert.Equal(130, (await result).ExitCode);
    }

    [Theory]
    [InlineData(HttpProtocols.Http1)]
    [InlineData(HttpProtocols.Http2)]
    [InlineData(HttpProtocols.Http1AndHttp2)]
    public async Task A_private_authority_is_trusted_when_it_is_named(HttpProtocols protocols)
    {
        using var certificate = SelfSigned();
        await using var server = (await ConnectDouble.StartAsync(protocols, certificate: certificate)).WithBuild("tcp://x:1");
        var refused = await RunAsync(Start(["list", "projects"], ("DEPOT_API_URL", server.Url), ("DEPOT_TOKEN", "t")));
        Assert.Equal(1, refused.ExitCode);
        Assert.StartsWith($"Error: could not reach {server.Url}: ", refused.Error);
        Assert.Contains("SSL_CERT_FILE", refused.Error);
        Assert.DoesNotContain("Exception", refused.Error);

        var authority = _scene.Write("ca.pem", certificate.ExportCertificatePem());
        var trusted = await RunAsync(Start(["list", "projects"], ("DEPOT_API_URL", server.Url), ("DEPOT_TOKEN", "t"), ("SSL_CERT_FILE", authority)));
        Assert.Equal((0, "Project ID,Name\np1,one\n", ""), trusted);
    }

    [Fact]
    public async Task A_remote_definition_comes_from_a_server_whose_private_authority_is_named_and_from_no_other()
    {
        using var certificate = SelfSigned();
        await using var server = (await ConnectDouble.StartAsync(HttpProtocols.Http1, certificate: certificate))
            .OnRaw("bake.hcl", (context, _) => context.Response.WriteAsync("target \"default\" {}\n"));
        var refused = await RunAsync(Start(["bake", "--print", $"{server.Url}/bake.hcl"]));
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains($"failed to read the definition: Get \"{server.Url}/bake.hcl\": ", refused.Error);
        Assert.Contains("SSL_CERT_FILE", refused.Error);

        var authority = _scene.Write("ca.pem", certificate.ExportCertificatePem());
        var trusted = await RunAsync(Start(["bake", "--print", $"{server.Url}/bake.hcl"], ("SSL_CERT_FILE", authority)));
        Assert.Equal(0, trusted.ExitCode);
        Assert.Contains("\"dockerfile\": \"Dockerfile\"", trusted.Output);
    }

    [Theory]
    [InlineData(HttpProtocols.Http1, "http")]
    [InlineData(HttpProtocols.Http2, "http")]
    [InlineData(HttpProtocols.Http2, "socks5")]
    public async Task A_server_behind_a_proxy_with_a_login_and_a_private_authority_is_reached(HttpProtocols protocols, string scheme)
    {
        using var certificate = SelfSigned();
        await using var server = (await ConnectDouble.StartAsync(protocols, certificate: certificate)).WithBuild("tcp://x:1");
        await using var proxy = new ProxyDouble { Login = "user:p@ss", AllTo = new Uri(server.Url).Port };
        Directory.CreateDirectory(Path.Combine(_scene.Folder, "authorities"));
        _scene.Write("authorities/ca.pem", certificate.ExportCertificatePem());
        (string, string)[] environment = [("DEPOT_API_URL", "https://slipway.test"), ("DEPOT_TOKEN", "t"), ("SSL_CERT_DIR", Path.Combine(_scene.Folder, "authorities"))];
        var reached = await RunAsync(Start(["list", "projects"], [.. environment, ("HTTPS_PROXY", $"{scheme}://user:p%40ss@{proxy.Address}")]));
        Assert.Equal((0, "Project ID,Name\np1,one\n", ""), reached);
        Assert.All(proxy.Asked, line => Assert.Equal(scheme == "http" ? "CONNECT slipway.test:443 HTTP/1.1" : "SOCKS slipway.test:443", line));

        var refused = await RunAsync(Start(["list", "projects"], [.. environment, ("https_proxy", $"{scheme}://user:wrong@{proxy.Address}")]));
        Assert.Equal(1, refused.ExitCode);
        Assert.StartsWith($"Error: could not reach https://slipway.test: the proxy {scheme}://{proxy.Address} ", refused.Error);
        Assert.EndsWith("HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT.\n", refused.Error);
        Assert.DoesNotContain("wrong", refused.Error);
    }

    [Fact]
    public async Task The_wrong_scheme_is_told_of()
    {
        await using var plain = (await ConnectDouble.StartAsync()).WithBuild("tcp://x:1");
        var secure = plain.Url.Replace("http:", "https:", StringComparison.Ordinal);
        var result = await RunAsync(Start(["list", "projects"], ("DEPOT_API_URL", secure), ("DEPOT_TOKEN", "t")));
        Assert.Equal($"Error: could not reach {secure}: it does not answer with TLS\nDoes the server serve http:// there? The address comes from DEPOT_API_URL.\n", result.Error);
    }

    [Fact]
    public async Task A_proxy_that_is_not_there_is_named()
    {
        var result = await RunAsync(Start(["list", "projects"], ("DEPOT_API_URL", "https://slipway.test"), ("DEPOT_TOKEN", "t"), ("HTTPS_PROXY", "http://u:secret@127.0.0.1:9")));
        Assert.StartsWith("Error: could not reach https://slipway.test: the proxy http://127.0.0.1:9 cannot be reached: Connection refused\n", result.Error);
        Assert.Contains("NO_PROXY", result.Error);
        Assert.DoesNotContain("secret", result.Error);
    }

    [Fact]
    public async Task A_cleartext_server_is_reached_through_a_proxy_that_passes_requests_on()
    {
        await using var server = (await ConnectDouble.StartAsync(HttpProtocols.Http1)).WithBuild("tcp://x:1");
        await using var proxy = new ProxyDouble { Login = "u:p", AllTo = new Uri(server.Url).Port };
        (string, string)[] environment = [("DEPOT_API_URL", "http://slipway.test:8400"), ("DEPOT_TOKEN", "t")];
        var reached = await RunAsync(Start(["list", "projects"], [.. environment, ("http_proxy", $"u:p@{proxy.Address}")]));
        Assert.Equal((0, "Project ID,Name\np1,one\n", ""), reached);
        Assert.All(proxy.Asked, line => Assert.StartsWith("POST http://slipway.test:8400/depot.cli.v1beta1.ProjectsService/ListProjects", line));

        var refused = await RunAsync(Start(["list", "projects"], [.. environment, ("http_proxy", proxy.Address)]));
        Assert.StartsWith($"Error: could not reach http://slipway.test:8400: the proxy http://{proxy.Address} wants a login\n", refused.Error);
        var straight = await RunAsync(Start(["list", "projects"], [.. environment, ("http_proxy", proxy.Address), ("NO_PROXY", "slipway.test")]));
        Assert.Contains("no such host", straight.Error);
    }

    private Process StartBuild(ConnectDouble server)
    {
        _scene.Write("app/Dockerfile", "FROM scratch\n");
        return Start(["build", "-o", "type=cacheonly", "app"], ("DEPOT_API_URL", server.Url), ("DEPOT_TOKEN", "t"), ("DEPOT_PROJECT_ID", "p1"));
    }

    private Process Start(string[] words, params (string Name, string Value)[] environment)
    {
        // What a shell starts in its background ignores SIGINT, and so do its children, these tests among them.
        var start = new ProcessStartInfo("env", ["--default-signal=INT", "dotnet", Path.Combine(AppContext.BaseDirectory, "depot.dll"), .. words])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = _scene.Folder,
        };
        foreach (var name in start.Environment.Keys.Where(name => name.StartsWith("DEPOT_", StringComparison.Ordinal) || name.StartsWith("DOCKER_", StringComparison.Ordinal)).ToList())
        {
            start.Environment.Remove(name);
        }

        foreach (var name in new[] { "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY" })
        {
            start.Environment.Remove(name);
            start.Environment.Remove(name.ToLowerInvariant());
        }

        start.Environment["XDG_CONFIG_HOME"] = _scene.Folder;
        start.Environment["DOCKER_CONFIG"] = _scene.Folder;
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        return Process.Start(start)!;
    }

    private static async Task<(int ExitCode, string Output, string Error)> RunAsync(Process process)
    {
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(90));
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            throw;
        }

        return (process.ExitCode, await output, await error);
    }

    private static void Kill(Process process, string signal)
    {
        using var kill = Process.Start("kill", [$"-{signal}", process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }

    private static X509Certificate2 SelfSigned()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=test", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        names.AddDnsName("slipway.test");
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, 0, critical: true));
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
    }
}
