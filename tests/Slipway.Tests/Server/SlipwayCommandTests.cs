using System.Diagnostics;
using System.Runtime.Versioning;
using System.Text.Json;
using System.Text.RegularExpressions;
using Slipway.Settings;
using Slipway.Tests.Server.Support;
using Xunit;

namespace Slipway.Tests.Server;

/// <summary>The <c>slipway</c> command: what it prints, where, and with which exit code.</summary>
public sealed class SlipwayCommandTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("slipway-test-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task The_first_run_leaves_credentials_that_work_and_only_their_owner_reads()
    {
        await using var server = SlipwayProcess.Start(["server", "--data", _folder, "--listen", "127.0.0.1:0"]);
        var url = await server.ReadyAsync();
        var credentials = SlipwayProcess.Credentials(_folder);
        (string, string?)[] environment =
            [("DEPOT_API_URL", credentials.GetProperty("apiUrl").GetString()), ("DEPOT_TOKEN", credentials.GetProperty("token").GetString())];

        var listed = await SlipwayProcess.RunAsync(["admin", "project", "list", "--json"], environment);

        Assert.Equal(url.GetLeftPart(UriPartial.Authority), credentials.GetProperty("apiUrl").GetString());
#pragma warning disable CA1416 // Tests run on Linux.
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(_folder, "credentials.json")));
#pragma warning restore CA1416
        var project = JsonDocument.Parse(listed.Output).RootElement.GetProperty("projects")[0];
        Assert.Equal(credentials.GetProperty("projectId").GetString(), project.GetProperty("id").GetString());
        Assert.Equal(credentials.GetProperty("organizationId").GetString(), project.GetProperty("organizationId").GetString());
        Assert.Equal(0, await server.TerminateAsync());
    }

    [Fact]
    public async Task A_server_that_listens_everywhere_names_an_address_that_can_be_dialled()
    {
        await using var server = SlipwayProcess.Start(["server", "--data", _folder, "--listen", "0.0.0.0:0"]);
        Assert.Equal("127.0.0.1", (await server.ReadyAsync()).Host);
        Assert.StartsWith("http://127.0.0.1:", SlipwayProcess.Credentials(_folder).GetProperty("apiUrl").GetString());
    }

    [Fact]
    public async Task The_admin_commands_work_on_a_folder_beside_its_server_and_without_one()
    {
        string token;
        await using (var server = SlipwayProcess.Start(["server", "--data", _folder, "--listen", "127.0.0.1:0"]))
        {
            await server.ReadyAsync();
            token = (await MustAsync("token", "create", "--user", "--name", "me", "--expires", "3d")).Trim();
            Assert.Matches("^slpu_[0-9A-Za-z]{36}$", token);
            Assert.Matches("^slpj_[0-9A-Za-z]{36}$", (await MustAsync("builder", "join-token")).Trim());
        }

        var organization = (await MustAsync("org", "create", "other")).Trim();
        var project = (await MustAsync("project", "create", "web", "--org", organization)).Trim();
        await MustAsync("project", "update", project, "--name", "site", "--cache-keep-days", "7");
        Assert.Contains("site", await MustAsync("project", "list", "--org", organization));
        Assert.Contains("\"cacheKeepDays\": 7", await MustAsync("project", "list", "--json"));
        var list = await MustAsync("token", "list");
        Assert.Contains("me", list);
        Assert.DoesNotContain(token, list);
        await ManageTrustAndPeopleAsync(organization, project);
        await MustAsync("project", "delete", project);
        Assert.DoesNotContain("site", await MustAsync("project", "list"));
        Assert.Equal(0, (await SlipwayProcess.RunAsync(["check", "--data", _folder])).Code);
    }

    private async Task ManageTrustAndPeopleAsync(string organization, string project)
    {
        var added = (await MustAsync(
            "trust", "add", "--project", project, "--provider", "buildkite", "--organization", "acme", "--pipeline", "app", "--branch", "release/*", "--from", "10.0.0.0/8", "--from", "203.0.113.7")).Split('\n');
        Assert.StartsWith("note: a pull request from a fork may carry any branch name", added[1]);
        Assert.Contains("organization_slug=acme, pipeline_slug=app, build_branch like release/*", await MustAsync("trust", "list", "--project", project));
        Assert.Contains("10.0.0.0/8,203.0.113.7/32", await MustAsync("trust", "list", "--project", project));
        await MustAsync("trust", "add", "--project", project, "--provider", "circleci", "--organization", "6f0c1b1e-0000-4000-8000-000000000000", "--circleci-project", "x");
        Assert.Contains("\"issuer\": \"https://oidc.circleci.com/org/6f0c1b1e-0000-4000-8000-000000000000\"", await MustAsync("trust", "list", "--project", project, "--json"));
        await MustAsync("trust", "remove", added[0]);
        Assert.DoesNotContain(added[0], await MustAsync("trust", "list", "--project", project));

        Assert.Matches("^http://127\\.0\\.0\\.1:[0-9]+/invitations/[a-z0-9]{40}$", (await MustAsync("user", "invite", "ann@example.com", "--org", organization, "--role", "owner")).Trim());
        await MustAsync("user", "role", "ann@example.com", "viewer", "--org", organization);
        Assert.Matches("ann@example.com +viewer +invited", await MustAsync("user", "list", "--org", organization));
        await MustAsync("user", "remove", "ann@example.com", "--org", organization);

        var ci = JsonDocument.Parse(await MustAsync("token", "create", "--project", project, "--name", "ci", "--from", "203.0.113.0/24,2001:db8::/32", "--json")).RootElement;
        var rotated = (await MustAsync("token", "rotate", ci.GetProperty("info").GetProperty("id").GetString()!, "--overlap", "0s")).Trim();
        Assert.Matches("^slpp_[0-9A-Za-z]{36}$", rotated);
        Assert.Equal(2, Regex.Count(await MustAsync("token", "list"), "203\\.0\\.113\\.0/24,2001:db8::/32"));
        Assert.Matches("local +ok +token.rotate", await MustAsync("audit", "--action", "token.", "--since", "1h"));
        Assert.Contains("\"action\": \"user.remove\"", await MustAsync("audit", "--org", organization, "--json"));
    }

    [Theory]
    [InlineData("admin project list", 1, "no server is named: set DEPOT_API_URL and DEPOT_TOKEN, or give the server's folder with --data DIR")]
    [InlineData("admin project list --data /nowhere", 1, "there is no Slipway data in /nowhere; name the folder of a server with --data DIR")]
    [InlineData("check --data /nowhere", 1, "there is no Slipway data in /nowhere; name the folder of a server with --data DIR")]
    [InlineData("server --data DIR --listen here --public-url ftp://x", 1, "the listen address is \"here\": it must be ADDRESS:PORT")]
    [InlineData("server --data DIR --log-level loud", 1, "--log-level is \"loud\": it must be debug, information, warning or error")]
    [InlineData("server --data /proc/nowhere", 1, "cannot use the data folder /proc/nowhere")]
    [InlineData("server --data DIR --config /nowhere.json", 1, "/nowhere.json cannot be read")]
    [InlineData("server --data /proc/version", 1, "cannot use the data folder /proc/version: it is a file; choose a folder with --data DIR")]
    [InlineData("builder --data DIR", 1, "no server is named: set --server URL or SLIPWAY_BUILDER_SERVER")]
    [InlineData("nonsense", 2, "see slipway --help")]
    [InlineData("admin token create --data DIR", 1, "there is no Slipway data in")]
    public async Task Wrong_use_ends_in_a_line_that_says_what_to_do(string line, int code, string expected)
    {
        var run = await SlipwayProcess.RunAsync(line.Replace("DIR", _folder, StringComparison.Ordinal).Split(' '));

        Assert.Equal(code, run.Code);
        Assert.Empty(run.Output);
        Assert.Contains(expected, run.Errors);
        Assert.DoesNotContain("   at ", run.Errors);
        Assert.All(run.Errors.TrimEnd().Split('\n'), words => Assert.StartsWith("slipway: ", words));
    }

    [Fact]
    public async Task A_server_that_cannot_be_reached_is_named()
    {
        var run = await SlipwayProcess.RunAsync(["admin", "project", "list"], ("DEPOT_API_URL", "http://127.0.0.1:1"), ("DEPOT_TOKEN", "x"));

        Assert.Equal(1, run.Code);
        Assert.StartsWith("slipway: cannot reach http://127.0.0.1:1: Connection refused", run.Errors);
        Assert.Single(run.Errors.TrimEnd().Split('\n'));
    }

    [Fact]
    public async Task Every_problem_of_a_settings_file_is_told_at_once()
    {
        await File.WriteAllTextAsync(Path.Combine(_folder, "slipway.json"), "{\"listen\": \"x\", \"publicUrl\": \"y\", \"lisen\": 1}");

        var run = await SlipwayProcess.RunAsync(["server", "--data", _folder]);

        Assert.Equal(1, run.Code);
        Assert.Equal(3, run.Errors.TrimEnd().Split('\n').Length);
        Assert.Contains("unknown setting \"lisen\"", run.Errors);
    }

    [Fact]
    public async Task A_broken_settings_file_names_its_line()
    {
        await File.WriteAllTextAsync(Path.Combine(_folder, "slipway.json"), "{\n  \"listen\": }\n");

        var run = await SlipwayProcess.RunAsync(["server", "--data", _folder]);

        Assert.Equal($"slipway: {_folder}/slipway.json is not JSON (line 2): correct it, or remove it\n", run.Errors);
    }

    [Fact]
    public async Task A_settings_file_may_say_what_flags_can_and_each_thing_once()
    {
        await File.WriteAllTextAsync(
            Path.Combine(_folder, "slipway.json"),
            "{\"emulation\": false, \"trustedProxy\": [\"10.0.0.0/8\"], \"publicUrl\": {\"a\": 1}, \"listen\": \"x\", \"listen\": \"y\"}");

        var run = await SlipwayProcess.RunAsync(["server", "--data", _folder]);

        Assert.Equal(
            [
                $"slipway: {_folder}/slipway.json sets \"publicUrl\" to {{\"a\": 1}}: it must be a text, a number, true or false, or a list of those",
                $"slipway: {_folder}/slipway.json sets \"listen\" twice: remove one",
                "slipway: the listen address is \"x\": it must be ADDRESS:PORT, for example 127.0.0.1:8400",
            ],
            run.Errors.TrimEnd().Split('\n'));
    }

    [Theory]
    [InlineData(UnixFileMode.UserRead)]
    [InlineData(UnixFileMode.None)]
    [SupportedOSPlatform("linux")]
    public async Task A_database_that_may_not_be_written_is_told_before_anybody_calls(UnixFileMode mode)
    {
        await using (await TestServer.StartAsync(folder: _folder))
        {
        }

        File.SetUnixFileMode(Path.Combine(_folder, "slipway.db"), mode);
        var program = Path.Combine(AppContext.BaseDirectory, "slipway");
        string[] server = [program, "server", "--data", _folder, "--listen", "127.0.0.1:0"];

        // Root may write everything, but for this.
        var start = Environment.IsPrivilegedProcess
            ? new ProcessStartInfo("setpriv", ["--bounding-set=-dac_override,-dac_read_search", .. server])
            : new ProcessStartInfo(program, server[1..]);
        start.RedirectStandardError = true;
        using var run = Process.Start(start)!;
        var errors = await run.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);

        Assert.Equal($"slipway: cannot open the database {_folder}/slipway.db: Access to the path '{_folder}/slipway.db' is denied; check the folder, or restore a backup\n", errors);
    }

    [Fact]
    public async Task A_flag_goes_before_the_environment_before_the_file()
    {
        await File.WriteAllTextAsync(Path.Combine(_folder, "slipway.json"), "{\"listen\": \"file\", \"publicUrl\": \"file\", \"tlsCert\": \"file\"}");

        var run = await SlipwayProcess.RunAsync(
            ["server", "--data", _folder, "--listen", "flag"], ("SLIPWAY_LISTEN", "variable"), ("SLIPWAY_PUBLIC_URL", "variable"));

        Assert.Contains("the listen address is \"flag\"", run.Errors);
        Assert.Contains("the public URL is \"variable\"", run.Errors);
        Assert.Contains("TLS needs both files", run.Errors);
    }

    [Fact]
    public void Every_setting_has_a_flag_a_variable_and_a_key_of_its_own()
    {
        Assert.Distinct(Setting.All.Select(setting => setting.Flag));
        Assert.Distinct(Setting.All.Select(setting => setting.Variable));
        Assert.Distinct(Setting.All.Select(setting => setting.Key));
        Assert.Equal(("--tls-cert", "SLIPWAY_TLS_CERT", "tlsCert"), (Setting.TlsCert.Flag, Setting.TlsCert.Variable, Setting.TlsCert.Key));
        Assert.Equal("--listen", Setting.BuilderListen.ShortFlag);
    }

    [Theory]
    [InlineData("90d", 90 * 24 * 3600)]
    [InlineData("12h", 12 * 3600)]
    [InlineData("0s", 0)]
    [InlineData("d", null)]
    [InlineData("-1d", null)]
    [InlineData("5", null)]
    [InlineData("99999999999999999999d", null)]
    public void Durations_read_as_people_type_them(string text, int? seconds) =>
        Assert.Equal(seconds, (int?)Durations.Parse(text)?.TotalSeconds);

    private async Task<string> MustAsync(params string[] arguments)
    {
        var run = await SlipwayProcess.RunAsync(["admin", .. arguments, "--data", _folder]);
        Assert.True(run.Code == 0, run.Errors);
        return run.Output;
    }
}
