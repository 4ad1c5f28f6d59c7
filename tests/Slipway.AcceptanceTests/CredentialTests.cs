using System.Text;

namespace Slipway.AcceptanceTests;

/// <summary>Registry credentials stay on the agent and are read when BuildKit asks for them.</summary>
public sealed class CredentialTests(Site site) : IAsyncLifetime
{
    private static readonly string Password = $"correct-horse-{Guid.NewGuid():N}";
    private readonly WorkFolder _folder = new("credentials");
    private readonly int _port = Parts.FreePort();

    private string Private => $"localhost:{_port}";

    public async ValueTask InitializeAsync() => (await RunningCommand.Start(
        Path.Combine(Parts.Root, "eng/registry.sh"), ["start", _folder["registry"], $"{_port}", "--htpasswd", "agent", Password]).WaitAsync()).MustSucceed();

    public async ValueTask DisposeAsync()
    {
        await RunningCommand.Start(Path.Combine(Parts.Root, "eng/registry.sh"), ["stop", _folder["registry"]]).WaitAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task A_push_uses_the_login_of_the_agents_Docker_configuration()
    {
        var basic = Convert.ToBase64String(Encoding.UTF8.GetBytes($"agent:{Password}"));
        _folder.With("login/config.json", Login($"agent:{Password}", Private));
        var result = await PushAsync(_folder["login"]);
        Assert.DoesNotContain(Password, result.MustSucceed().Everything);
        Assert.DoesNotContain(basic, result.Everything);
    }

    [Fact]
    public async Task A_push_asks_the_credential_helper_of_the_registry()
    {
        _folder.With("bin/docker-credential-testing", $$"""
            #!/bin/sh
            test "$1" = get && read -r server
            printf '{"ServerURL":"%s","Username":"agent","Secret":"%s"}' "$server" {{Password}}

            """);
        File.SetUnixFileMode(_folder["bin/docker-credential-testing"], UnixFileMode.UserRead | UnixFileMode.UserExecute);
        _folder.With("helper/config.json", "{\"credHelpers\":{\"" + Private + "\":\"testing\"}}");
        (await PushAsync(_folder["helper"])).MustSucceed();
    }

    [Fact]
    public async Task The_published_client_pushes_with_the_same_login()
    {
        _folder.With("published/config.json", Login($"agent:{Password}", Private));
        using var context = Context();
        var environment = site.With(new Dictionary<string, string?> { ["DOCKER_CONFIG"] = _folder["published"] });
        (await RunningCommand.Start(Parts.PublishedDepot, ["build", "-t", $"{Private}/app:1", "--push", context.Path], environment).WaitAsync()).MustSucceed();
    }

    [Fact]
    public async Task A_push_without_a_login_says_which_registry_refused()
    {
        var result = (await PushAsync(_folder["none"])).MustFail();
        Assert.Contains(Private, result.Error);
        Assert.Matches("(?i)unauthorized|authentication required|no basic auth credentials|authorization failed", result.Error);
        Assert.DoesNotContain("   at ", result.Error);
    }

    [Fact]
    public async Task A_password_reaches_the_builder_only_of_a_registry_that_knows_no_tokens()
    {
        var secret = $"battery-staple-{Guid.NewGuid():N}";
        await using var tokens = new TokenServer("agent", secret);
        _folder.With("signer.pem", tokens.CertificatePem);
        var registry = await RegistryAsync("start", _folder["tokens"], "0", "--token", tokens.Realm, _folder["signer.pem"]);
        try
        {
            var host = registry.Output.Trim();
            _folder.With("tokens-login/config.json", Login($"agent:{secret}", host));
            var pushed = (await PushAsync(_folder["tokens-login"], host)).MustSucceed();

            Assert.Contains(tokens.Granted, scope => scope == "repository:app:pull,push");
            Assert.Contains($"[auth] app:pull,push token for {host}", pushed.Error);
            Assert.DoesNotContain("sharing credentials", pushed.Error);
            Assert.False(BuilderHolds(secret), "the password of a registry with tokens lies in the builder's memory");

            // The same search finds what does cross: lent on the user's word, and where there is no other way.
            (await PushAsync(_folder["tokens-login"], host, lends: true)).MustSucceed();
            Assert.True(BuilderHolds(secret));
        }
        finally
        {
            await RegistryAsync("stop", _folder["tokens"]);
        }

        _folder.With("basic/config.json", Login($"agent:{Password}", Private));
        Assert.Contains($"[auth] sharing credentials for {Private}", (await PushAsync(_folder["basic"])).MustSucceed().Error);
    }

    private bool BuilderHolds(string secret) =>
        ProcessMemory.Family(site.SlipwayProcessId).Any(process => ProcessMemory.Holds(process, Encoding.UTF8.GetBytes(secret)));

    private static async Task<CommandResult> RegistryAsync(params string[] arguments) =>
        (await RunningCommand.Start(Path.Combine(Parts.Root, "eng/registry.sh"), arguments).WaitAsync()).MustSucceed();

    private async Task<CommandResult> PushAsync(string dockerConfig, string? registry = null, bool lends = false)
    {
        using var context = Context();
        return await site.StartDepot(
            ["build", "-t", $"{registry ?? Private}/app:{Guid.NewGuid():N}", "--push", context.Path],
            new Dictionary<string, string?>
            {
                ["BUILDKIT_NO_CLIENT_TOKEN"] = lends ? "1" : null,
                ["DOCKER_CONFIG"] = dockerConfig,
                ["PATH"] = $"{_folder["bin"]}:{Environment.GetEnvironmentVariable("PATH")}",
            }).WaitAsync();
    }

    private static string Login(string pair, string host) =>
        "{\"auths\":{\"" + host + "\":{\"auth\":\"" + Convert.ToBase64String(Encoding.UTF8.GetBytes(pair)) + "\"}}}";

    private WorkFolder Context() => new WorkFolder().With("Dockerfile", $"FROM {site.BaseImage}\nRUN echo private-{Guid.NewGuid():N} > /word\n");
}
