using Depot.Cli;
using Depot.Cli.ControlPlane;
using Depot.Cli.Settings;
using Xunit;

namespace Slipway.Tests.Cli;

/// <summary>Which server, which token, which project.</summary>
[System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
public sealed class SettingsTests : IDisposable
{
    private readonly CliScene _scene = new();

    public SettingsTests() => _scene.Environment["XDG_CONFIG_HOME"] = Path.Combine(_scene.Folder, "config");

    public void Dispose() => _scene.Dispose();

    [Theory]
    [InlineData("flag", "env", "api-env", "stored", "job", "flag", "--token")]
    [InlineData("", "env", "api-env", "stored", "job", "env", "DEPOT_TOKEN")]
    [InlineData(null, "", "api-env", "stored", "job", "api-env", "DEPOT_API_TOKEN")]
    [InlineData(null, null, "", "stored", "job", "stored", "depot.yaml")]
    [InlineData(null, null, null, null, "job", "job", "the job's token")]
    public async Task The_nearest_token_counts(string? flag, string? token, string? api, string? stored, string? job, string expected, string source)
    {
        Set("DEPOT_TOKEN", token);
        Set("DEPOT_API_TOKEN", api);
        Set("DEPOT_JIT_TOKEN", job);
        if (stored is not null)
        {
            _scene.Write("config/depot/depot.yaml", $"api_token: {stored}\norg_id: \"\"\n");
        }

        using var credentials = Credentials.Resolve(flag, _scene.Context(TimeProvider.System));
        Assert.Equal(expected, await credentials.TokenAsync(CancellationToken.None));
        Assert.EndsWith(source, credentials.Source);
        Assert.DoesNotContain(expected, $"{credentials}".Replace(source, "", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    [Fact]
    public void No_token_says_what_to_do()
    {
        var problem = Assert.Throws<CliException>(() => Credentials.Resolve(null, _scene.Context(TimeProvider.System)));
        Assert.Equal("missing API token, please run `depot login`", problem.Message);
        Assert.Contains("DEPOT_TOKEN", problem.Remedy);
    }

    [Fact]
    public void The_server_comes_from_the_environment_then_the_settings_file_then_the_default()
    {
        Assert.Equal((CliSettings.DefaultApiUrl, "the default"), _scene.Settings.ApiUrl);
        _scene.Write("config/depot/depot.yaml", "api_url: 'https://stored'\n");
        Assert.Equal("https://stored", new CliSettings(_scene.Environment.GetValueOrDefault).ApiUrl.Url);
        Set("DEPOT_API_URL", "https://env");
        Assert.Equal(("https://env", "DEPOT_API_URL"), _scene.Settings.ApiUrl);
    }

    [Fact]
    public void The_installers_server_lies_beside_the_program_even_when_a_link_leads_there()
    {
        var program = Installed("https://slipway.example.com/\n");
        var link = Path.Combine(_scene.Folder, "docker-depot");
        File.CreateSymbolicLink(link, program);
        Assert.Equal(("https://slipway.example.com/", Path.Combine(_scene.Folder, "bin/depot.server")), SettingsOf(link).ApiUrl);
        Assert.Equal("https://slipway.example.com/", SettingsOf(program).ApiUrl.Url);

        _scene.Write("config/depot/depot.yaml", "api_url: 'https://stored'\n");
        Assert.Equal("https://stored", SettingsOf(program).ApiUrl.Url);
        Set("DEPOT_API_URL", "https://env");
        Assert.Equal(("https://env", "DEPOT_API_URL"), SettingsOf(program).ApiUrl);
    }

    [Theory]
    [InlineData("bin")]
    [InlineData("bin/depot.server")]
    public void A_server_that_everybody_may_change_is_not_sent_a_token(string open)
    {
        var program = Installed("https://elsewhere\n");
        File.SetUnixFileMode(Path.Combine(_scene.Folder, open), (UnixFileMode)Convert.ToInt32("777", 8));
        var problem = Assert.Throws<CliException>(() => SettingsOf(program).ApiUrl);
        Assert.Contains("every user of this machine may change it", problem.Message);
        Assert.Contains("DEPOT_API_URL", problem.Remedy);
        Set("DEPOT_API_URL", "https://env");
        Assert.Equal("https://env", SettingsOf(program).ApiUrl.Url);
    }

    [Fact]
    public void An_empty_file_of_the_installer_names_no_server() =>
        Assert.Equal(CliSettings.DefaultApiUrl, SettingsOf(Installed("# nothing\n\n")).ApiUrl.Url);

    [Theory]
    [InlineData("nonsense")]
    [InlineData("ftp://host")]
    [InlineData("http://")]
    public void An_address_that_is_none_is_named(string url) =>
        Assert.Contains(url, Assert.Throws<CliException>(() => ApiEndpoint.Parse(url, "DEPOT_API_URL")).Message);

    [Theory]
    [InlineData("https://host/api/", "/api/a.B/C")]
    [InlineData("http://host:1", "/a.B/C")]
    public void A_path_of_the_address_is_kept(string url, string path) => Assert.Equal(path, ApiEndpoint.Parse(url, "x").PathOf("a.B/C"));

    [Fact]
    public void The_settings_file_is_private_and_reads_back()
    {
        var path = _scene.Settings.ConfigPath;
        ConfigFile.Empty.With("https://x/", new("it's: #secret", "o1")).With("https://other.example", new("second", null)).Write(path);
        var read = ConfigFile.Read(path);
        Assert.Equal(("it's: #secret", "o1"), (read.For("https://x").Token, read.For("HTTPS://X/").OrganizationId));
        Assert.Equal("second", read.For("https://other.example/").Token);
        Assert.Equal("https://x", read.ApiUrl);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Path.GetDirectoryName(path)!));
        Assert.Single(Directory.GetFiles(Path.GetDirectoryName(path)!));
    }

    [Fact]
    public void A_token_is_for_the_server_that_gave_it()
    {
        var one = ConfigFile.Empty.With("https://one.example", new("1", null));
        Assert.Null(one.For("https://two.example").Token);
        var both = one.With("https://two.example", new("2", null));
        Assert.Equal(("1", "2"), (both.For("https://one.example").Token, both.For("https://two.example").Token));
        var left = both.With("https://one.example", ServerLogin.None);
        Assert.Equal((null, "2"), (left.For("https://one.example").Token, left.For("https://two.example").Token));
    }

    [Fact]
    public void What_the_published_client_stored_counts_for_any_server()
    {
        var file = ConfigFile.Parse("api_token: theirs\norg_id: o9\nservers:\n  - url: https://mine.example\n    api_token: x\n  - 7\n");
        Assert.Equal(("theirs", "o9"), (file.For("https://any.example").Token, file.For("https://any.example").OrganizationId));
    }

    [Theory]
    [InlineData("Bearer abc", "Bearer")]
    [InlineData("two words", "space")]
    [InlineData("zzz\n", "line end")]
    [InlineData("tökén", "another character")]
    [InlineData("\"quoted\"", "quotation marks")]
    [InlineData("slpp_000000000000000000000000000000000000", "checksum")]
    [InlineData("slpu_short", "10 of 41 characters")]
    public void A_malformed_token_is_told_of_before_it_is_sent(string token, string expected)
    {
        Set("DEPOT_TOKEN", token);
        var problem = Assert.Throws<CliException>(() => Credentials.Resolve(null, _scene.Context(TimeProvider.System)));
        Assert.StartsWith("the token of DEPOT_TOKEN is malformed: ", problem.Message);
        Assert.Contains(expected, problem.Message);
        Assert.DoesNotContain(token.Trim(), problem.Message);
    }

    [Fact]
    public void A_whole_token_and_a_foreign_one_pass()
    {
        Assert.Null(TokenShape.FaultOf(Slipway.Contract.Tokens.TokenText.Create(Slipway.Contract.Tokens.TokenKind.Project)));
        Assert.Null(TokenShape.FaultOf("depot_project_0123abc"));
        Assert.Null(TokenShape.FaultOf("slpz_of-a-later-server"));
    }

    [Theory]
    [InlineData(-600, 300, 0, "It is the token of X, which expired 5 minutes ago: get a new one.")]
    [InlineData(600, 300, 0, "It is the token of X, which is not valid for another 10 minutes: is the clock of its issuer off?")]
    [InlineData(-60, 300, 7200, "This machine's clock is 2 hours behind the server's: set the one that is wrong, then try again.")]
    [InlineData(-60, 300, -86400 * 3, "This machine's clock is 3 days ahead of the server's: set the one that is wrong, then try again.")]
    [InlineData(-60, 300, 5, "It is the token of X.")]

    // The clocks differ, and it is not for that that the token was refused.
    [InlineData(-60, 300, 120, "It is the token of X.")]
    public void A_refused_token_is_explained_by_what_is_known_here(int from, int life, int serverAhead, string expected)
    {
        var now = DateTimeOffset.UnixEpoch.AddYears(56);
        var server = now.AddSeconds(serverAhead);
        var claims = System.Text.Encoding.UTF8.GetBytes($$"""{"nbf":{{now.AddSeconds(from).ToUnixTimeSeconds()}},"exp":{{now.AddSeconds(from + life).ToUnixTimeSeconds()}}}""");
        var token = $"e30.{System.Buffers.Text.Base64Url.EncodeToString(claims)}.c2ln";
        Assert.Equal(expected, TokenRefusal.Explain("the token of X", token, server, now));
    }

    [Fact]
    public void A_broken_settings_file_is_named()
    {
        var path = _scene.Write("config/depot/depot.yaml", "a: [\n");
        Assert.Contains(path, Assert.Throws<CliException>(() => ConfigFile.Read(path)).Message);
    }

    [Theory]
    [InlineData("depot.json", """{"id":"p1"}""", "p1", 0)]
    [InlineData("depot.json", """{"id":"p1","other":{"x":[1]}}""", "p1", 1)]
    [InlineData("depot.yml", "id: p1\n", "p1", 0)]
    [InlineData("depot.yaml", "# comment\nid: \"p1\"\nnested:\n  - a\n  - {b: c}\n", "p1", 1)]
    [InlineData("depot.json", "id: p1\n", "p1", 0)]
    public void A_project_file_names_its_project(string name, string text, string expected, int warnings)
    {
        _scene.Write(name, text);
        Directory.CreateDirectory(Path.Combine(_scene.Folder, "a/b"));
        var said = new List<string>();
        Assert.Equal(expected, ProjectFile.Find(Path.Combine(_scene.Folder, "a/b"), said.Add)!.Id);
        Assert.Equal(warnings, said.Count);
    }

    [Theory]
    [InlineData("""{"projectId":"p1"}""", "Rename its key \"projectId\" to \"id\".")]
    [InlineData("""{"id":""}""", "depot init --force")]
    [InlineData("""{"id":null}""", "depot init --force")]
    [InlineData("", "depot init --force")]
    [InlineData("- a\n", "depot init --force")]
    [InlineData("""{"id":""", "depot init --force")]
    public void A_nearer_file_that_names_none_does_not_give_way_to_a_parents(string text, string remedy)
    {
        _scene.Write("depot.json", """{"id":"parent"}""");
        var path = _scene.Write("a/depot.json", text);
        var problem = Assert.Throws<CliException>(() => ProjectFile.Find(Path.Combine(_scene.Folder, "a"), _ => { }));
        Assert.Contains(path, problem.Message);
        Assert.Contains(remedy, problem.Remedy);
    }

    [Theory]
    [InlineData("depot.json", "", "{\"id\":\"p1\"}\n")]
    [InlineData("depot.json", "{\"id\":\"old\",\"note\":[1,{\"a\":\"<b>\"}]}", "{\"id\":\"p1\",\"note\":[1,{\"a\":\"<b>\"}]}\n")]
    [InlineData("depot.json", "{\n  \"x\": 1,\n  \"id\": \"old\"\n}\n", "{\n  \"id\": \"p1\",\n  \"x\": 1\n}\n")]
    [InlineData("depot.json", "{ broken", "{\"id\":\"p1\"}\n")]
    [InlineData("depot.yml", "", "id: p1\n")]
    [InlineData("depot.yaml", "# ours\nid: old\nother: x\n", "# ours\nid: p1\nother: x\n")]
    [InlineData("depot.yaml", "other: x\n", "id: p1\nother: x\n")]
    public void A_written_project_file_keeps_its_other_keys(string name, string old, string expected)
    {
        var path = Path.Combine(_scene.Folder, name);
        if (old.Length > 0)
        {
            File.WriteAllText(path, old);
        }

        ProjectFile.Write(path, "p1");
        Assert.Equal(expected, File.ReadAllText(path));
    }

    [Fact]
    public void The_flag_beats_the_variable_and_the_variable_the_file()
    {
        _scene.Write("app/depot.json", """{"id":"file"}""");
        Assert.Equal("file", Project(null, "app"));
        Assert.Equal("file", Project("", "app/Dockerfile"));
        Assert.Null(Project(null, "-"));
        Assert.Null(Project(null, "https://host/x.git"));
        Set("DEPOT_PROJECT_ID", "env");
        Assert.Equal("env", Project(null, "app"));
        Assert.Equal("flag", Project("flag", "app"));
    }

    [Fact]
    public void Two_projects_are_told_of()
    {
        _scene.Write("one/depot.json", """{"id":"p1"}""");
        _scene.Write("two/depot.json", """{"id":"p2"}""");
        var said = new List<string>();
        Assert.Equal("p2", ProjectChoice.Find(null, _scene.Settings, _scene.Folder, ["one", "two/Dockerfile"], said.Add));
        Assert.Equal(["More than one project ID discovered: p1, p2.  Using project: p2"], said);
    }

    [Theory]
    [InlineData("BUILDKITE", "true", true)]
    [InlineData("CI", "1", true)]
    [InlineData("CI", "", false)]
    [InlineData("BUILDKITE", "", false)]
    public void A_CI_job_is_known_by_its_variables(string name, string value, bool expected)
    {
        Set(name, value);
        Assert.Equal(expected, _scene.Settings.IsCi);
        Assert.EndsWith(expected ? "/ci" : "/terminal", _scene.Settings.UserAgent);
    }

    private string? Project(string? flag, string path) => ProjectChoice.Find(flag, _scene.Settings, _scene.Folder, [path], _ => { });

    private void Set(string name, string? value)
    {
        if (value is not null)
        {
            _scene.Environment[name] = value;
        }
    }

    private CliSettings SettingsOf(string program) => new(_scene.Environment.GetValueOrDefault, program);

    /// <summary>A program that an installer put there, with the server's file beside it.</summary>
    private string Installed(string server)
    {
        var program = _scene.Write("bin/depot", "");
        _scene.Write("bin/depot.server", server);
        return program;
    }
}
