using System.Text;
using Google.Protobuf;
using Microsoft.Extensions.Time.Testing;
using Slipway.BuildKit.Auth;
using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Progress;
using Slipway.BuildKit.Wire.Control;
using Slipway.BuildKit.Wire.Session;
using Slipway.Tests.Support;
using Xunit;

namespace Slipway.Tests.BuildKit.Auth;

public sealed class RegistryAuthTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly HttpClient _http = new();
    private readonly FakeTimeProvider _clock = new();

    public void Dispose()
    {
        _folder.Dispose();
        _http.Dispose();
    }

    [Fact]
    public async Task Credentials_are_read_at_the_moment_they_are_asked_for()
    {
        using var auth = Auth();
        Assert.Equal(("", ""), await AskAsync(auth, "r.example"));

        WriteAuths("r.example", "user", "first");
        Assert.Equal(("user", "first"), await AskAsync(auth, "r.example"));

        WriteAuths("r.example", "user", "second");
        Assert.Equal(("user", "second"), await AskAsync(auth, "r.example"));
    }

    [Fact]
    public async Task Docker_Hub_is_found_under_its_old_key_and_serves_its_sister_hosts()
    {
        WriteAuths("https://index.docker.io/v1/", "hub", "p");
        using var auth = Auth();

        Assert.Equal("hub", (await AskAsync(auth, "registry-1.docker.io")).Username);
        Assert.Equal("hub", (await AskAsync(auth, "dhi.io")).Username);
        Assert.Equal("", (await AskAsync(auth, "ghcr.io")).Username);
    }

    [Fact]
    public async Task The_push_variables_answer_for_every_host()
    {
        WriteAuths("r.example", "user", "p");
        using var auth = Auth(RegistryCredential.FromOverrides("push", "secret", null));

        Assert.Equal(("push", "secret"), await AskAsync(auth, "r.example"));
        Assert.Equal(("push", "secret"), await AskAsync(auth, "other.example"));
    }

    [Fact]
    public async Task A_login_that_came_with_the_build_is_the_one_for_its_registry_whatever_the_push_variables_say()
    {
        var own = new Dictionary<string, RegistryCredential> { ["saved.example"] = new() { Username = "x-token", Password = "build" } };
        using var auth = new RegistryAuth(
            new CredentialOptions { DockerConfigFolder = "/proc/none", Hosts = own, Override = RegistryCredential.FromOverrides("push", "secret", null) }, _http, _clock);

        Assert.Equal(("x-token", "build"), await AskAsync(auth, "saved.example"));
        Assert.Equal(("push", "secret"), await AskAsync(auth, "other.example"));
    }

    [Fact]
    public async Task A_helper_gets_the_host_on_stdin_and_is_asked_once_for_a_while()
    {
        _folder.WriteProgram("bin/docker-credential-fake", $$"""
            #!/bin/sh
            read -r host
            echo "$1 $host" >> {{_folder.Path}}/asked
            printf '{"ServerURL":"%s","Username":"u","Secret":"s"}' "$host"
            """);
        _folder.Write("config.json", """{"credsStore":"fake"}""");
        using var auth = Auth();

        Assert.Equal(("u", "s"), await AskAsync(auth, "r.example"));
        await AskAsync(auth, "r.example");
        Assert.Equal(["get r.example"], Asked());

        _clock.Advance(TimeSpan.FromMinutes(1));
        await AskAsync(auth, "r.example");
        Assert.Equal(2, Asked().Length);
    }

    [Fact]
    public async Task A_helpers_token_user_marks_an_identity_token()
    {
        Helper("""printf '{"Username":"<token>","Secret":"refresh"}'""");
        using var auth = Auth();

        Assert.Equal(("", "refresh"), await AskAsync(auth, "r.example"));
    }

    [Fact]
    public async Task A_helper_that_knows_nothing_means_no_credentials()
    {
        Helper("echo 'credentials not found in native keychain'; exit 1");
        using var auth = Auth();

        Assert.Equal(("", ""), await AskAsync(auth, "r.example"));
    }

    [Theory]
    [InlineData("echo 'the keyring is locked'; exit 3", "docker-credential-fake failed with exit code 3: the keyring is locked")]
    [InlineData("echo '{\"Secret\":\"s3cret\"}'; echo oops >&2; exit 1", "docker-credential-fake failed with exit code 1: oops")]
    [InlineData("echo nonsense", "docker-credential-fake did not answer with the JSON of a credential helper")]
    public async Task A_failing_helper_is_named_and_shows_no_secret(string script, string message)
    {
        Helper(script);
        using var auth = Auth();

        var refusal = await Assert.ThrowsAsync<GrpcStatusException>(() => AskAsync(auth, "r.example"));
        Assert.Equal($"cannot get the credentials of r.example: {message}", refusal.Message);
    }

    [Fact]
    public async Task A_missing_helper_is_named_with_what_to_do()
    {
        _folder.Write("config.json", """{"credHelpers":{"r.example":"gone"}}""");
        using var auth = Auth();

        var refusal = await Assert.ThrowsAsync<GrpcStatusException>(() => AskAsync(auth, "r.example"));
        Assert.Contains("docker-credential-gone is not on PATH. Install it", refusal.Message);
        Assert.Equal(("", ""), await AskAsync(auth, "other.example"));
    }

    [Fact]
    public async Task A_hanging_helper_is_given_up_and_ended()
    {
        Helper($"echo $$ > {_folder.Path}/pid; exec sleep 1000");
        using var auth = Auth();
        var asking = AskAsync(auth, "r.example");
        while (!File.Exists($"{_folder.Path}/pid") || !File.ReadAllText($"{_folder.Path}/pid").EndsWith('\n'))
        {
            await Task.Delay(5, TestContext.Current.CancellationToken);
        }

        _clock.Advance(TimeSpan.FromSeconds(61));
        var refusal = await Assert.ThrowsAsync<GrpcStatusException>(() => asking);

        Assert.Contains("did not answer within 60 s", refusal.Message);
        Assert.False(Directory.Exists($"/proc/{File.ReadAllText($"{_folder.Path}/pid").Trim()}/fd/0"));
    }

    [Fact]
    public async Task Docker_with_no_settings_falls_back_to_an_installed_keyring()
    {
        _folder.WriteProgram("bin/docker-credential-secretservice", "#!/bin/sh\nprintf '{\"Username\":\"u\",\"Secret\":\"s\"}'\n");
        using var auth = Auth();

        Assert.Equal(("u", "s"), await AskAsync(auth, "r.example"));
    }

    [Fact]
    public async Task A_broken_settings_file_fails_the_question()
    {
        _folder.Write("config.json", "{");
        using var auth = Auth();

        var refusal = await Assert.ThrowsAsync<GrpcStatusException>(() => AskAsync(auth, "r.example"));
        Assert.Contains($"{_folder.Path}/config.json: line 1 is not valid JSON", refusal.Message);
    }

    [Fact]
    public async Task Sharing_is_shown_once_per_host()
    {
        WriteAuths("r.example", "user", "p");
        List<StatusResponse> shown = [];
        using var auth = new RegistryAuth(Options(null), _http, _clock, new VertexWriter(shown.Add, _clock));
        await AskAsync(auth, "r.example");
        await AskAsync(auth, "r.example");
        await AskAsync(auth, "other.example");

        Assert.Equal(
            ["[auth] sharing credentials for r.example", "[auth] sharing credentials for r.example"],
            shown.SelectMany(status => status.Vertexes).Select(vertex => vertex.Name));
    }

    // Made with OpenSSL: the key is HMAC-SHA256 of the seed 00…0f, or of nothing, under the salt.
    [Theory]
    [InlineData(true, "d447c018e427fba616c5809e079aff74660381d76a5b0a428bd0a0b9e5a6b545",
        "6492fd09399364fb51834651f8563e23f6bf6efe9aac0609701aa6645f30fe0eae14f50bfc7fcdf99e098a17755729a85ff2c7d0aa002c4859a9ad09d8135f08")]
    [InlineData(false, "be678c71415f1dbcc3965554d2a7fd1f40e975299808597fa4c2c6f1f3d48deb",
        "7627013d54f2e998787384ed31a21cae8d4efeadf7cd608ac827069819fcbcd9739b61a19f7ad7e85b94b640c0483521c1573ae2a2bd7894641e3c07dd932400")]
    public async Task The_token_authority_is_the_key_that_buildx_would_show(bool loggedIn, string key, string signature)
    {
        if (loggedIn)
        {
            WriteAuths("r.example", "user", "p");
        }

        _folder.Write(".token_seed", """{"r.example":{"Seed":"AAECAwQFBgcICQoLDA0ODw=="} }""");
        using var auth = Auth();

        var (shown, signed) = await AuthorityAsync(auth, "r.example");

        Assert.Equal(key, Convert.ToHexStringLower(shown));
        Assert.Equal(signature + Convert.ToHexStringLower("payload"u8), Convert.ToHexStringLower(signed));
    }

    [Fact]
    public async Task The_seed_of_a_registry_is_made_once_and_kept_to_the_user()
    {
        WriteAuths("r.example", "user", "p");
        using var first = Auth();
        using var second = Auth();

        var keys = await Task.WhenAll(AuthorityAsync(first, "r.example"), AuthorityAsync(second, "r.example"));

        Assert.Equal(keys[0].Key, keys[1].Key);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(_folder.Path, ".token_seed")));
    }

    [Fact]
    public async Task Without_credentials_no_seed_is_made()
    {
        using var auth = Auth();

        await AuthorityAsync(auth, "r.example");

        Assert.Empty(Directory.GetFiles(_folder.Path, ".token_seed*"));
    }

    [Fact]
    public async Task A_damaged_seed_file_is_begun_anew_and_a_folder_that_cannot_be_written_is_borne()
    {
        WriteAuths("r.example", "user", "p");
        _folder.Write(".token_seed", "{\"r.exa");
        using (var auth = Auth())
        {
            await AuthorityAsync(auth, "r.example");
        }

        Assert.Contains("r.example", File.ReadAllText(Path.Combine(_folder.Path, ".token_seed")));
        using var nowhere = new RegistryAuth(
            new CredentialOptions { DockerConfigFolder = "/proc/none", Hosts = new Dictionary<string, RegistryCredential> { ["r.example"] = new() { Username = "u", Password = "p" } } }, _http, _clock);
        Assert.Equal((await AuthorityAsync(nowhere, "r.example")).Key, (await AuthorityAsync(nowhere, "r.example")).Key);
    }

    [Fact]
    public async Task Lending_the_credentials_makes_the_token_authority_unavailable_so_that_BuildKit_asks_for_them()
    {
        using var auth = new RegistryAuth(Options(null) with { SharesSecrets = true }, _http, _clock);

        var refusal = await Assert.ThrowsAsync<GrpcStatusException>(() => AuthorityAsync(auth, "r.example"));

        Assert.Equal(GrpcStatusCode.Unavailable, refusal.Code);
    }

    [Fact]
    public async Task A_token_is_fetched_with_the_hosts_credentials()
    {
        await using var server = await TokenServer.StartAsync(request => request.Method == "POST" ? (200, """{"access_token":"tok","expires_in":300,"issued_at":"2026-01-02T03:04:05Z"}""") : (500, ""));
        WriteAuths("r.example", "user", "p&ss");
        using var auth = Auth();

        var call = MemoryCall.With(new FetchTokenRequest { ClientID = "x", Host = "r.example", Realm = server.Address, Service = "svc", Scopes = { "repository:a:pull", "repository:b:push" } });
        await auth.FetchTokenAsync(call, TestContext.Current.CancellationToken);
        var token = await call.ReceiveAsync(FetchTokenResponse.Parser);

        Assert.Equal(new FetchTokenResponse { Token = "tok", ExpiresIn = 300, IssuedAt = 1767323045 }, token);
        Assert.Equal(
            "service=svc&client_id=buildkit-client&scope=repository%3Aa%3Apull+repository%3Ab%3Apush&grant_type=password&username=user&password=p%26ss",
            Assert.Single(server.Requests).Body);
    }

    private RegistryAuth Auth(RegistryCredential? given = null) => new(Options(given), _http, _clock);

    private CredentialOptions Options(RegistryCredential? given) => new()
    {
        DockerConfigFolder = _folder.Path,
        SearchPath = Path.Combine(_folder.Path, "bin"),
        Override = given,
    };

    private void Helper(string script)
    {
        _folder.WriteProgram("bin/docker-credential-fake", $"#!/bin/sh\n{script}\n");
        _folder.Write("config.json", """{"credsStore":"fake"}""");
    }

    private string[] Asked() => File.ReadAllLines(Path.Combine(_folder.Path, "asked"));

    private void WriteAuths(string key, string username, string password) => _folder.Write(
        "config.json", $$$"""{"auths":{"{{{key}}}":{"auth":"{{{Convert.ToBase64String(Encoding.UTF8.GetBytes($"{username}:{password}"))}}}"} } }""");

    private static async Task<(byte[] Key, byte[] Signed)> AuthorityAsync(RegistryAuth auth, string host)
    {
        var salt = ByteString.CopyFromUtf8("salt of the engine");
        var get = MemoryCall.With(new GetTokenAuthorityRequest { Host = host, Salt = salt });
        await auth.GetTokenAuthorityAsync(get, TestContext.Current.CancellationToken);
        var verify = MemoryCall.With(new VerifyTokenAuthorityRequest { Host = host, Salt = salt, Payload = ByteString.CopyFromUtf8("payload") });
        await auth.VerifyTokenAuthorityAsync(verify, TestContext.Current.CancellationToken);
        return ((await get.ReceiveAsync(GetTokenAuthorityResponse.Parser)).PublicKey.ToByteArray(),
            (await verify.ReceiveAsync(VerifyTokenAuthorityResponse.Parser)).Signed.ToByteArray());
    }

    private static async Task<(string Username, string Secret)> AskAsync(RegistryAuth auth, string host)
    {
        var call = MemoryCall.With(new CredentialsRequest { Host = host });
        await auth.CredentialsAsync(call, TestContext.Current.CancellationToken);
        var answer = await call.ReceiveAsync(CredentialsResponse.Parser);
        return (answer.Username, answer.Secret);
    }
}
