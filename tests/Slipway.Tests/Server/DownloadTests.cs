using System.Net;
using Slipway.Server;
using Slipway.Server.Downloads;
using Slipway.Tests.Server.Support;
using Xunit;

namespace Slipway.Tests.Server;

/// <summary>The installer and the archives, as a browser or curl sees them.</summary>
public sealed class DownloadTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("slipway-test-").FullName;
    private readonly HttpClient _http = new(new HttpClientHandler { AllowAutoRedirect = false });

    public void Dispose()
    {
        _http.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task The_archive_of_a_machine_is_found_in_the_words_of_uname_and_in_Gos()
    {
        Put("depot_0.9.0_linux_amd64.tar.gz", "depot_0.10.0_linux_amd64.tar.gz", "depot_0.10.0_linux_arm64.tar.gz", "depot_0.10.0_darwin_arm64.tar.gz", "depot_0.10.0_windows_amd64.zip");
        await using var server = await StartAsync();

        Assert.Equal("../../../archives/depot_0.10.0_linux_amd64.tar.gz", await LocationAsync(server, "Linux/x86_64/latest"));
        Assert.Equal("../../../archives/depot_0.9.0_linux_amd64.tar.gz", await LocationAsync(server, "linux/amd64/v0.9.0"));
        Assert.Equal("../../../archives/depot_0.10.0_linux_arm64.tar.gz", await LocationAsync(server, "Linux/aarch64/0.10.0"));
        Assert.Equal("../../../archives/depot_0.10.0_darwin_arm64.tar.gz", await LocationAsync(server, "Darwin/arm64/latest"));
        Assert.Equal("../../../archives/depot_0.10.0_windows_amd64.zip", await LocationAsync(server, "windows/amd64/latest"));
        Assert.Equal(
            "contents of depot_0.9.0_linux_amd64.tar.gz",
            await _http.GetStringAsync(new Uri(new Uri(server.Url, "cli/download/linux/amd64/v0.9.0"), "../../../archives/depot_0.9.0_linux_amd64.tar.gz")));
    }

    [Fact]
    public async Task What_is_not_there_is_said_in_plain_words_with_what_is()
    {
        Put("depot_0.1.0_linux_amd64.tar.gz");
        await using var server = await StartAsync();

        using var answer = await _http.GetAsync(new Uri(server.Url, "cli/download/FreeBSD/amd64/latest"));

        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        var words = await answer.Content.ReadAsStringAsync();
        Assert.Contains("no depot latest for FreeBSD/amd64 here: this server has depot for linux/amd64 (0.1.0)", words);
        Assert.DoesNotContain(_folder, words);
    }

    [Theory]
    [InlineData("secret.txt")]
    [InlineData("..%2Fsecret.txt")]
    [InlineData("depot_0.2.0_linux_amd64.tar.gz")]
    public async Task Only_what_the_sums_list_leaves_the_folder(string file)
    {
        Put("depot_0.1.0_linux_amd64.tar.gz");
        File.WriteAllText(Path.Combine(_folder, "secret.txt"), "secret");
        File.WriteAllText(Path.Combine(_folder, "depot_0.2.0_linux_amd64.tar.gz"), "not listed");
        await using var server = await StartAsync();

        using var answer = await _http.GetAsync(new Uri(server.Url, $"cli/archives/{file}"));

        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
    }

    [Fact]
    public async Task The_script_names_the_address_that_it_was_asked_under_or_the_public_one()
    {
        Put("depot_0.1.0_linux_amd64.tar.gz");
        await using (var server = await StartAsync())
        {
            Assert.Contains($"server='{server.Url.ToString().TrimEnd('/')}'\n", await ScriptAsync(server));
        }

        await using var published = await StartAsync(options => options with { PublicUrl = "https://builds.example.com/slipway/" });
        Assert.Contains("server='https://builds.example.com/slipway'\nsigning_key=''\n", await ScriptAsync(published));
    }

    [Fact]
    public async Task A_signing_key_beside_the_archives_is_what_the_script_insists_on()
    {
        Put("depot_0.1.0_linux_amd64.tar.gz");
        const string key = "-----BEGIN PUBLIC KEY-----\nMFkwEw==\n-----END PUBLIC KEY-----";
        File.WriteAllText(Path.Combine(_folder, DownloadShelf.KeyFile), key + "\n");
        await using var server = await StartAsync();

        Assert.Contains($"signing_key='{key}'\n", await ScriptAsync(server));
    }

    [Fact]
    public async Task PowerShell_has_a_script_of_its_own()
    {
        await using (var empty = await StartAsync())
        {
            using var answer = await _http.GetAsync(new Uri(empty.Url, "install-cli.ps1"));
            Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
            Assert.StartsWith("throw 'install-cli: error: this server has no downloads of depot", await answer.Content.ReadAsStringAsync());
        }

        Put("depot_0.1.0_windows_arm64.zip");
        await using var server = await StartAsync(options => options with { PublicUrl = "https://builds.example.com" });
        var script = await _http.GetStringAsync(new Uri(server.Url, "install-cli.ps1"));
        Assert.Contains("$server = 'https://builds.example.com'\n", script);
        Assert.Contains("$signingKey = ''\n", script);
        Assert.DoesNotContain('@', script.Replace("@{ Sum", "", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("a'b")]
    [InlineData("a$(id)")]
    [InlineData("a`id`")]
    public async Task A_malformed_host_gets_a_script_that_fails_and_holds_nothing_of_it(string host)
    {
        Assert.Throws<FormatException>(() => InstallScript.Shell.Render($"http://{host}", null));
        Put("depot_0.1.0_linux_amd64.tar.gz");
        await using var server = await StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(server.Url, "install-cli.sh"));
        request.Headers.TryAddWithoutValidation("Host", host);

        using var answer = await _http.SendAsync(request);

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.DoesNotContain(host, await answer.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Without_archives_the_script_says_so_and_fails()
    {
        await using var server = await StartAsync();

        using var answer = await _http.GetAsync(new Uri(server.Url, "install-cli.sh"));

        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        var script = await answer.Content.ReadAsStringAsync();
        Assert.StartsWith("#!/bin/sh\necho 'install-cli: error: this server has no downloads of depot", script);
        Assert.EndsWith("exit 1\n", script);
    }

    private async Task<string> LocationAsync(TestServer server, string machine)
    {
        using var answer = await _http.GetAsync(new Uri(server.Url, $"cli/download/{machine}"));
        Assert.Equal(HttpStatusCode.Redirect, answer.StatusCode);
        return answer.Headers.Location!.OriginalString;
    }

    private Task<string> ScriptAsync(TestServer server) => _http.GetStringAsync(new Uri(server.Url, "install-cli.sh"));

    private Task<TestServer> StartAsync(Func<ServerOptions, ServerOptions>? change = null) => TestServer.StartAsync(
        change: options => (change ?? (same => same))(options with { DownloadsDirectory = _folder }));

    private void Put(params string[] archives)
    {
        foreach (var archive in archives)
        {
            File.WriteAllText(Path.Combine(_folder, archive), $"contents of {archive}");
        }

        File.WriteAllLines(Path.Combine(_folder, DownloadShelf.SumsFile), archives.Select(archive => $"{new string('0', 64)}  {archive}"));
    }
}
