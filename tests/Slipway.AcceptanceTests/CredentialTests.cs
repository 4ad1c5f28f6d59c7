using System.Text;

namespace Slipway.AcceptanceTests;

/// <summary>Registry credentials stay on the agent and are read when BuildKit asks for them.</summary>
public sealed class CredentialTests(Site site) : IAsyncLifetime
{
    private const string Password = "correct-horse";
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
        _folder.With("login/config.json", Login(basic));
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
        var basic = Convert.ToBase64String(Encoding.UTF8.GetBytes($"agent:{Password}"));
        _folder.With("published/config.json", Login(basic));
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

    private async Task<CommandResult> PushAsync(string dockerConfig)
    {
        using var context = Context();
        return await site.StartDepot(
            ["build", "-t", $"{Private}/app:{Guid.NewGuid():N}", "--push", context.Path],
            new Dictionary<string, string?>
            {
                ["DOCKER_CONFIG"] = dockerConfig,
                ["PATH"] = $"{_folder["bin"]}:{Environment.GetEnvironmentVariable("PATH")}",
            }).WaitAsync();
    }

    private string Login(string basic) => "{\"auths\":{\"" + Private + "\":{\"auth\":\"" + basic + "\"}}}";

    private WorkFolder Context() => new WorkFolder().With("Dockerfile", $"FROM {site.BaseImage}\nRUN echo private-{Guid.NewGuid():N} > /word\n");
}
