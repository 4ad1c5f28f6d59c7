using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Slipway.AcceptanceTests.Installing;

/// <summary>The installer of a real server, run by the shells that agents have.</summary>
public sealed class InstallerTests(Site site) : IAsyncLifetime
{
    private const int Nobody = 65534;

    private readonly WorkFolder _folder = new("install");
    private string _script = "";

    private string Url => site.Url.ToString().TrimEnd('/');

    public async ValueTask InitializeAsync()
    {
        using var http = new HttpClient();
        _script = await http.GetStringAsync(new Uri(site.Url, "install-cli.sh"));
        _folder.With("install-cli.sh", _script);

        // Unprivileged users walk through it.
        File.SetUnixFileMode(_folder.Path, Mode("711"));
        File.SetUnixFileMode(_folder["install-cli.sh"], Mode("644"));
    }

    public ValueTask DisposeAsync()
    {
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }

    [Theory]
    [InlineData("dash")]
    [InlineData("bash")]
    [InlineData("busybox sh")]
    public async Task Piped_into_a_shell_it_installs_a_client_that_knows_its_server(string shell)
    {
        var folder = _folder[shell.Replace(' ', '-')];
        var result = await RunAsync($"curl -L {Url}/install-cli.sh | DEPOT_INSTALL_DIR={folder} {shell}");
        Assert.Contains($"was installed to {folder}/depot, for {Url}", result.MustSucceed().Error);
        Assert.Equal(["depot", "depot.server"], Names(folder));
        Assert.Equal(Mode("755"), File.GetUnixFileMode(Path.Combine(folder, "depot")));
        Assert.Equal(Mode("644"), File.GetUnixFileMode(Path.Combine(folder, "depot.server")));

        // Nothing else is set: no URL, no home, no Docker configuration; also through a link, as Docker runs its plugins.
        File.CreateSymbolicLink(_folder["docker-depot"], Path.Combine(folder, "depot"));
        foreach (var program in new[] { Path.Combine(folder, "depot"), _folder["docker-depot"] })
        {
            var listed = await RunAsync($"env -i DEPOT_TOKEN={site.Token} HOME={_folder["home"]} {program} list projects --output json");
            Assert.Contains(site.ProjectId, listed.MustSucceed().Output);
        }

        var elsewhere = await RunAsync($"env -i DEPOT_API_URL=http://127.0.0.1:1 DEPOT_TOKEN=x HOME={_folder["home"]} {folder}/depot list projects");
        Assert.Contains("http://127.0.0.1:1", elsewhere.MustFail().Error);
        File.Delete(_folder["docker-depot"]);
    }

    [Fact]
    public async Task A_folder_may_have_spaces_or_a_tilde_that_nobody_expanded()
    {
        var result = await RunAsync($"DEPOT_INSTALL_DIR='{_folder["my tools"]}/for ci' sh {_folder["install-cli.sh"]} && '{_folder["my tools"]}/for ci/depot' --version");
        Assert.Equal("depot version 0.1.0\n", result.MustSucceed().Output);
        Assert.Contains($"note: {_folder["my tools"]}/for ci is not on PATH", result.Error);
        (await RunAsync($"HOME={_folder["home"]} DEPOT_INSTALL_DIR='~/bin' sh {_folder["install-cli.sh"]}")).MustSucceed();
        Assert.Equal(["depot", "depot.server"], Names(_folder["home/bin"]));
    }

    [Fact]
    public async Task What_is_no_folder_to_install_into_is_named()
    {
        _folder.With("file", "");
        var file = await RunAsync($"DEPOT_INSTALL_DIR={_folder["file"]} sh {_folder["install-cli.sh"]}");
        Assert.Equal($"install-cli: error: DEPOT_INSTALL_DIR names {_folder["file"]}, which is no folder\n", file.MustFail().Error);
        var absent = await RunAsync($"TMPDIR={_folder["absent"]} DEPOT_INSTALL_DIR={_folder["new"]} sh {_folder["install-cli.sh"]}");
        Assert.Equal($"install-cli: error: no temporary folder could be made in {_folder["absent"]}: is it there, and not full? TMPDIR names another\n", absent.MustFail().Error);
        Directory.CreateDirectory(_folder["noexec"]);
        var idle = await RunAsync(
            $"unshare --mount sh -c 'mount -t tmpfs -o noexec tmpfs {_folder["noexec"]}; DEPOT_INSTALL_DIR={_folder["noexec"]}/bin sh {_folder["install-cli.sh"]}; status=$?; ls -A {_folder["noexec"]}; exit $status'");
        Assert.Contains($"no program may run in {_folder["noexec"]}/bin: is it mounted noexec? Nothing was installed", idle.MustFail().Error);
        Assert.Equal("", idle.Output);
    }

    [Fact]
    public async Task A_script_that_was_read_and_pinned_first_installs_the_same()
    {
        var sum = Convert.ToHexStringLower(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(_script)));
        var result = await RunAsync(
            $"cd {_folder.Path} && curl -sLO {Url}/install-cli.sh && echo '{sum}  install-cli.sh' | sha256sum -c && DEPOT_INSTALL_DIR=bin sh install-cli.sh 0.1.0");
        result.MustSucceed();
        Assert.Equal(["depot", "depot.server"], Names(_folder["bin"]));
    }

    [Fact]
    public async Task An_unprivileged_user_gets_it_into_a_folder_of_their_own_on_PATH()
    {
        Directory.CreateDirectory(_folder["home"]);
        (await RunAsync($"chown {Nobody} {_folder["home"]}")).MustSucceed();
        var result = await AsNobodyAsync($"PATH=/usr/local/bin:{_folder["home"]}/bin:/usr/bin:/bin DEPOT_INSTALL_DIR=/usr/local/bin sh {_folder["install-cli.sh"]}");
        Assert.Contains($"nobody may not write to /usr/local/bin: installing into {_folder["home"]}/bin, which is on PATH", result.MustSucceed().Error);
        Assert.Equal(["depot", "depot.server"], Names(_folder["home/bin"]));
    }

    [Fact]
    public async Task With_no_folder_to_write_to_it_says_what_to_do_and_fails()
    {
        // A folder that everybody may write to is no place for a program.
        Directory.CreateDirectory(_folder["open"]);
        File.SetUnixFileMode(_folder["open"], Mode("777"));
        var result = await AsNobodyAsync($"PATH=/usr/bin:/bin:{_folder["open"]} DEPOT_INSTALL_DIR=/usr/bin sh {_folder["install-cli.sh"]}");
        Assert.Contains("nobody may not write to /usr/bin, nor to any folder on PATH", result.MustFail().Error);
        Assert.Contains("export PATH=", result.Error);
        Assert.Empty(Names(_folder["open"]));
    }

    [Fact]
    public async Task What_the_bootstrap_script_installed_stays_and_later_steps_go_on_with_it()
    {
        var machine = _folder["machine"];
        (await RunAsync($"DEPOT_INSTALL_DIR={machine} sh {_folder["install-cli.sh"]}")).MustSucceed();
        var before = File.GetLastWriteTimeUtc(Path.Combine(machine, "depot"));
        var result = await AsNobodyAsync($"PATH={machine}:/usr/bin:/bin DEPOT_INSTALL_DIR={machine} sh {_folder["install-cli.sh"]}");
        Assert.Contains($"depot version 0.1.0 is in {machine} already, for {Url}", result.MustSucceed().Error);
        Assert.Equal(before, File.GetLastWriteTimeUtc(Path.Combine(machine, "depot")));
    }

    [Fact]
    public async Task Cut_off_anywhere_the_script_does_nothing()
    {
        var target = _folder["cut"];
        var commands = new List<string>();
        for (var length = 64; length < _script.Length - 20; length += 97)
        {
            await File.WriteAllTextAsync(_folder[$"cut-{length}.sh"], _script[..length]);
            commands.Add($"DEPOT_INSTALL_DIR={target} sh {_folder[$"cut-{length}.sh"]} >/dev/null 2>&1 || true");
        }

        (await RunAsync(string.Join('\n', commands))).MustSucceed();
        Assert.False(Directory.Exists(target));
    }

    [Fact]
    public async Task Several_steps_may_install_at_once_over_a_client_that_runs()
    {
        var target = _folder["race"];
        Directory.CreateDirectory(target);
        File.Copy("/bin/sleep", Path.Combine(target, "depot"));
        await using var running = RunningCommand.Start(Path.Combine(target, "depot"), ["300"]);
        var installs = string.Join('\n', Enumerable.Range(0, 4).Select(_ => $"DEPOT_INSTALL_DIR={target} sh {_folder["install-cli.sh"]} || touch {_folder["race-failed"]} &"));
        (await RunAsync($"{installs}\nwait\n{target}/depot --version")).MustSucceed();
        Assert.False(File.Exists(_folder["race-failed"]));
        Assert.False(running.HasExited);
        Assert.Equal(["depot", "depot.server"], Names(target));
    }

    [Theory]
    [InlineData("FreeBSD", "amd64", "has no depot for FreeBSD/amd64; it has it for ")]
    [InlineData("Linux", "riscv64", "has no depot for Linux/riscv64; it has it for ")]
    public async Task Another_system_is_told_what_there_is(string system, string processor, string expected)
    {
        With("bin/uname", $"#!/bin/sh\ncase $1 in -s) echo {system} ;; *) echo {processor} ;; esac\n");
        await FailsAsync($"PATH={_folder["bin"]}:$PATH", expected);
    }

    [Fact]
    public Task A_version_that_is_not_there_names_those_that_are() => FailsAsync("", "has no depot 9.9.9 for linux/amd64; it has 0.1.0", "9.9.9");

    [Fact]
    public async Task Without_curl_it_takes_wget()
    {
        Tools("bin", "wget");
        var result = await RunAsync($"PATH={_folder["bin"]} DEPOT_INSTALL_DIR={_folder["by-wget"]} sh {_folder["install-cli.sh"]}");
        result.MustSucceed();
        Assert.Equal(["depot", "depot.server"], Names(_folder["by-wget"]));
    }

    [Fact]
    public async Task A_wget_that_believes_any_certificate_is_refused_for_https()
    {
        Tools("bin");
        With("bin/wget", "#!/bin/sh\nexec busybox wget \"$@\"\n");
        File.CreateSymbolicLink(_folder["bin/busybox"], "/bin/busybox");
        await File.WriteAllTextAsync(_folder["install-cli.sh"], _script.Replace($"server='{Url}'", "server='https://127.0.0.1:1'", StringComparison.Ordinal));
        await FailsAsync($"PATH={_folder["bin"]}", "the wget of this machine does not check certificates: install curl or GNU wget");
        await File.WriteAllTextAsync(_folder["install-cli.sh"], _script);
        (await RunAsync($"PATH={_folder["bin"]} DEPOT_INSTALL_DIR={_folder["by-busybox"]} sh {_folder["install-cli.sh"]}")).MustSucceed();
    }

    [Fact]
    public Task With_neither_it_says_so()
    {
        Tools("bin");
        return FailsAsync($"PATH={_folder["bin"]}", "neither curl nor wget is on PATH: install one of them");
    }

    [Fact]
    public async Task A_server_that_does_not_answer_is_named()
    {
        await File.WriteAllTextAsync(_folder["install-cli.sh"], _script.Replace($"server='{Url}'", "server='http://127.0.0.1:1'", StringComparison.Ordinal));
        await FailsAsync("", "could not download http://127.0.0.1:1/cli/archives/SHA256SUMS: curl: (7)");
    }

    [Fact]
    public async Task A_download_that_breaks_off_leaves_nothing_behind()
    {
        await using var proxy = await ProxyAsync(async (http, body) =>
        {
            http.Response.ContentLength = body.Length;
            await http.Response.Body.WriteAsync(IsArchive(http) ? body.AsMemory(0, body.Length / 2) : body);
            if (IsArchive(http))
            {
                http.Abort();
            }
        });
        await FailsAsync("", "could not download");
    }

    [Fact]
    public async Task One_changed_byte_is_noticed_before_anything_is_installed()
    {
        await using var proxy = await ProxyAsync(async (http, body) =>
        {
            if (IsArchive(http))
            {
                body[^100] ^= 1;
            }

            await http.Response.Body.WriteAsync(body);
        });
        await FailsAsync("", "its SHA-256 is ");
    }

    [Fact]
    public async Task Behind_a_path_and_a_redirect_it_finds_its_way()
    {
        await using var proxy = await ProxyAsync(
            async (http, body) => await http.Response.Body.WriteAsync(body),
            path: "/slipway",
            redirects: true);
        var result = await RunAsync($"DEPOT_INSTALL_DIR={_folder["behind"]} sh {_folder["install-cli.sh"]}");
        result.MustSucceed();
        Assert.EndsWith("/slipway\n", await File.ReadAllTextAsync(_folder["behind/depot.server"]));
    }

    [Fact]
    public async Task Downloads_are_signed_where_a_key_is_configured()
    {
        var signed = _folder["signed"];
        var stranger = _folder["stranger.pem"];
        var keys = $"openssl ecparam -name prime256v1 -genkey -noout -out {_folder["key.pem"]} && openssl pkey -in {_folder["key.pem"]} -pubout -out {_folder["public.pem"]}"
            + $" && openssl ecparam -name prime256v1 -genkey -noout | openssl pkey -pubout -out {stranger}";
        (await RunAsync(keys)).MustSucceed();
        var sums = "";
        byte[] signature = [];
        await using var proxy = await ProxyAsync(async (http, body) =>
        {
            await http.Response.Body.WriteAsync(http.Request.Path.Value!.EndsWith(".sig", StringComparison.Ordinal) ? signature : body);
        });
        using (var client = new HttpClient())
        {
            sums = await client.GetStringAsync(new Uri(site.Url, "cli/archives/SHA256SUMS"));
        }

        await FailsAsync($"DEPOT_INSTALL_KEY={_folder["public.pem"]}", "are not signed by the configured key");
        using (var key = ECDsa.Create())
        {
            key.ImportFromPem(await File.ReadAllTextAsync(_folder["key.pem"]));
            signature = key.SignData(System.Text.Encoding.ASCII.GetBytes(sums), HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
        }

        await FailsAsync($"DEPOT_INSTALL_KEY={stranger}", "are not signed by the configured key");
        await FailsAsync($"DEPOT_INSTALL_KEY={_folder["absent.pem"]}", "which cannot be read");
        (await RunAsync($"DEPOT_INSTALL_KEY={_folder["public.pem"]} DEPOT_INSTALL_DIR={signed} sh {_folder["install-cli.sh"]}")).MustSucceed();

        // The key that the server's operator put into the script does the same, without a setting.
        var pem = (await File.ReadAllTextAsync(stranger)).Trim();
        var script = await File.ReadAllTextAsync(_folder["install-cli.sh"]);
        await File.WriteAllTextAsync(_folder["install-cli.sh"], script.Replace("signing_key=''", $"signing_key='{pem}'", StringComparison.Ordinal));
        await FailsAsync("", "are not signed by the configured key");
    }

    [Theory]
    [InlineData("install", "is the disk full?")]
    [InlineData("temporary", "Nothing was installed")]
    public async Task A_full_disk_leaves_the_old_client_alone(string full, string expected)
    {
        var target = _folder["small"];
        var temporary = _folder["tmp"];
        Directory.CreateDirectory(target);
        Directory.CreateDirectory(temporary);
        var result = await RunAsync($"""
            unshare --mount sh -ec '
              mount -t tmpfs -o size=1m tmpfs {(full == "install" ? target : temporary)}
              echo old >{target}/depot
              TMPDIR={temporary} DEPOT_INSTALL_DIR={target} sh {_folder["install-cli.sh"]} || status=$?
              ls -A {target} {temporary}; cat {target}/depot
              exit ${"{"}status:-0{"}"}'
            """);
        Assert.Contains(expected, result.MustFail().Error);
        Assert.Equal($"{target}:\ndepot\n\n{temporary}:\nold\n", result.Output);
    }

    [Fact]
    public async Task A_client_that_cannot_run_here_is_not_installed()
    {
        With("bin/cat", "#!/bin/sh\ncase $1 in */bin/depot) echo garbage ;; *) exec /bin/cat \"$@\" ;; esac\n");
        await FailsAsync($"PATH={_folder["bin"]}:$PATH", "does not run on this machine");
    }

    /// <summary>A machine that calls itself so, and a client that runs here in place of theirs.</summary>
    [Theory]
    [InlineData("Darwin", "arm64", "depot_0.1.0_darwin_arm64.tar.gz", "depot")]
    [InlineData("Darwin", "x86_64", "depot_0.1.0_darwin_amd64.tar.gz", "depot")]
    [InlineData("MINGW64_NT-10.0-22631", "x86_64", "depot_0.1.0_windows_amd64.zip", "depot.exe")]
    [InlineData("MSYS_NT-10.0-26100-ARM64", "aarch64", "depot_0.1.0_windows_amd64.zip", "depot.exe")]
    public async Task Each_system_gets_its_own_archive(string system, string processor, string file, string program)
    {
        With("bin/uname", $"#!/bin/sh\ncase $1 in -m) echo {processor} ;; *) echo {system} ;; esac\n");
        var archive = Pack(file, program, "#!/bin/sh\necho depot version 0.1.0\n"u8.ToArray());
        var sums = $"{Convert.ToHexStringLower(SHA256.HashData(archive))}  {file}\n{new string('0', 64)}  depot_0.1.0_linux_amd64.tar.gz\n";
        await using var proxy = await ProxyAsync(async (http, _) =>
            await http.Response.Body.WriteAsync(http.Request.Path.Value!.EndsWith(file, StringComparison.Ordinal) ? archive : System.Text.Encoding.ASCII.GetBytes(sums)));
        var folder = _folder[$"for-{system}-{processor}"];

        var result = await RunAsync($"PATH={_folder["bin"]}:$PATH DEPOT_INSTALL_DIR={folder} sh {_folder["install-cli.sh"]}");

        Assert.Contains($"depot version 0.1.0 was installed to {folder}/{program}", result.MustSucceed().Error);
        Assert.Equal([program, "depot.server"], Names(folder));
    }

    /// <summary>The real PowerShell, on a machine that calls its processor as Windows does.</summary>
    [Fact]
    public async Task PowerShell_installs_what_its_script_has_checked()
    {
        var pwsh = Path.Combine(Parts.Root, "out/parts/powershell/pwsh");
        Assert.SkipUnless(File.Exists(pwsh), "PowerShell is not here: ./test fetches it");
        const string file = "depot_0.1.0_windows_amd64.zip";
        var archive = Pack(file, "depot.exe", "#!/bin/sh\necho depot version 0.1.0\n"u8.ToArray());
        var sums = $"{new string('0', 64)}  depot_0.0.9_windows_amd64.zip\n{Convert.ToHexStringLower(SHA256.HashData(archive))}  {file}\n";
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var signature = key.SignData(System.Text.Encoding.ASCII.GetBytes(sums), HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
        var served = archive;
        await using var proxy = await ProxyAsync(async (http, body) => await http.Response.Body.WriteAsync(http.Request.Path.Value switch
        {
            { } path when path.EndsWith(file, StringComparison.Ordinal) => served,
            { } path when path.EndsWith("SHA256SUMS", StringComparison.Ordinal) => System.Text.Encoding.ASCII.GetBytes(sums),
            { } path when path.EndsWith(".sig", StringComparison.Ordinal) => signature,
            _ => body,
        }));
        var url = (await File.ReadAllLinesAsync(_folder["install-cli.sh"])).Single(line => line.StartsWith("server='", StringComparison.Ordinal))["server='".Length..^1];
        using var http = new HttpClient();
        _folder.With("install-cli.ps1", (await http.GetStringAsync(new Uri($"{url}/install-cli.ps1"))).Replace(Url, url, StringComparison.Ordinal));
        _folder.With("public.pem", key.ExportSubjectPublicKeyInfoPem());
        var folder = _folder["by-powershell"];
        var install = $"PROCESSOR_ARCHITECTURE=AMD64 HOME={_folder["home"]} DEPOT_INSTALL_DIR={folder} {pwsh} -NoProfile -File {_folder["install-cli.ps1"]}";

        served = [.. archive[..^1], (byte)(archive[^1] ^ 1)];
        Assert.Contains("its SHA-256 is ", Said((await RunAsync(install)).MustFail()));
        served = archive;
        _folder.With("other.pem", ECDsa.Create(ECCurve.NamedCurves.nistP256).ExportSubjectPublicKeyInfoPem());
        Assert.Contains("are not signed by the configured key", Said((await RunAsync($"DEPOT_INSTALL_KEY={_folder["other.pem"]} {install}")).MustFail()));
        Assert.Contains("has no depot 7.7.7", Said((await RunAsync($"DEPOT_INSTALL_VERSION=7.7.7 {install}")).MustFail()));
        Assert.False(Directory.Exists(folder));

        var result = await RunAsync($"DEPOT_INSTALL_KEY={_folder["public.pem"]} {install}");

        Assert.Contains("depot version 0.1.0 was installed to", result.MustSucceed().Everything);
        Assert.Equal(["depot.exe", "depot.server"], Names(folder));
        Assert.Equal(url, (await File.ReadAllTextAsync(Path.Combine(folder, "depot.server"))).Trim());

        // PowerShell paints its errors, and breaks them into lines that begin with a bar.
        static string Said(CommandResult result) => Regex.Replace(Regex.Replace(result.Everything, @"\e\[[0-9;]*m", ""), @"\n\s*\|\s*", " ");
    }

    private static byte[] Pack(string file, string program, byte[] content)
    {
        using var packed = new MemoryStream();
        if (file.EndsWith(".zip", StringComparison.Ordinal))
        {
            using var zip = new ZipArchive(packed, ZipArchiveMode.Create, leaveOpen: true);
            var packedProgram = zip.CreateEntry($"bin/{program}");

            // PowerShell starts it where it was unpacked.
            packedProgram.ExternalAttributes = (int)Mode("755") << 16;
            using var entry = packedProgram.Open();
            entry.Write(content);
        }
        else
        {
            using var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true);
            using var tar = new TarWriter(gzip);
            tar.WriteEntry(new UstarTarEntry(TarEntryType.RegularFile, $"bin/{program}") { DataStream = new MemoryStream(content) });
        }

        return packed.ToArray();
    }

    /// <summary>Runs the installer with these settings: it must fail with these words, and leave nothing.</summary>
    private async Task FailsAsync(string settings, string expected, string arguments = "")
    {
        var target = _folder[$"failed-{Guid.NewGuid():N}"];
        var temporary = Directory.CreateDirectory(_folder[$"tmp-{Guid.NewGuid():N}"]).FullName;
        var result = await RunAsync($"{settings} TMPDIR={temporary} DEPOT_INSTALL_DIR={target} /bin/sh {_folder["install-cli.sh"]} {arguments}");
        Assert.Contains(expected, result.MustFail().Error);
        Assert.All(result.Error.TrimEnd().Split('\n'), line => Assert.StartsWith("install-cli: ", line));
        Assert.False(Directory.Exists(target), "the target folder was left behind");
        Assert.Empty(Names(temporary));
    }

    private static Task<CommandResult> RunAsync(string command) => RunningCommand.Start("bash", ["-c", command]).WaitAsync();

    private Task<CommandResult> AsNobodyAsync(string command) => RunningCommand.Start(
        "setpriv", [$"--reuid={Nobody}", $"--regid={Nobody}", "--clear-groups", "--", "env", "-i", $"HOME={_folder["home"]}", "sh", "-c", command]).WaitAsync();

    /// <summary>A server in front of the site's, whose script is put in place of the site's own.</summary>
    private async Task<IAsyncDisposable> ProxyAsync(Func<HttpContext, byte[], Task> answer, string path = "", bool redirects = false)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var proxy = builder.Build();
        var behind = new HttpClient { BaseAddress = site.Url };
        proxy.Run(async http =>
        {
            var asked = http.Request.Path.Value!;
            if (redirects && !asked.StartsWith("/moved", StringComparison.Ordinal))
            {
                http.Response.Redirect($"/moved{asked}");
                return;
            }

            var place = asked[(redirects ? "/moved" + path : path).Length..];
            using var response = await behind.GetAsync(new Uri(site.Url, place));
            await answer(http, await response.Content.ReadAsByteArrayAsync());
        });
        await proxy.StartAsync();
        await File.WriteAllTextAsync(
            _folder["install-cli.sh"], _script.Replace($"server='{Url}'", $"server='{proxy.Urls.First()}{path}'", StringComparison.Ordinal));
        return proxy;
    }

    private static bool IsArchive(HttpContext http) => http.Request.Path.Value!.Contains("/cli/archives/depot_", StringComparison.Ordinal);

    /// <summary>A folder with the programs that every agent has, and these.</summary>
    private void Tools(string folder, params string[] besides)
    {
        Directory.CreateDirectory(_folder[folder]);
        string[] usual = ["cat", "chmod", "cut", "dirname", "grep", "gzip", "head", "id", "ls", "mkdir", "mktemp", "mv", "rm", "rmdir", "sed", "sh", "sha256sum", "tail", "tar", "tr", "uname"];
        foreach (var tool in usual.Concat(besides))
        {
            File.CreateSymbolicLink(_folder[$"{folder}/{tool}"], File.Exists($"/usr/bin/{tool}") ? $"/usr/bin/{tool}" : $"/bin/{tool}");
        }
    }

    private void With(string name, string script)
    {
        _folder.With(name, script);
        File.SetUnixFileMode(_folder[name], Mode("755"));
    }

    private static string[] Names(string folder) => [.. Directory.GetFileSystemEntries(folder).Select(entry => Path.GetFileName(entry)).Order(StringComparer.Ordinal)];

    private static UnixFileMode Mode(string octal) => (UnixFileMode)Convert.ToInt32(octal, 8);
}
