namespace Slipway.AcceptanceTests;

/// <summary>`depot exec`: another BuildKit client, here buildx with its remote driver, on a remote builder.</summary>
public sealed class ExecTests(Site site)
{
    [Fact]
    public async Task A_BuildKit_client_builds_loads_and_pushes_and_its_exit_code_is_passed_on()
    {
        var image = $"{site.Registry}/exec:{Guid.NewGuid():N}";
        using var context = new WorkFolder()
            .With("Dockerfile", $"FROM {site.BaseImage}\nRUN echo {Guid.NewGuid():N} && echo executed > /word\nCMD [\"cat\", \"/word\"]\n")
            .With("client.sh", $"""
                set -e
                docker buildx create --name remote --driver remote "$BUILDKIT_HOST"
                docker buildx build --builder remote --push -t {image} .
                docker buildx build --builder remote --load -t exec:loaded .
                exit 7

                """);
        using var configuration = new WorkFolder();
        var result = await site.StartDepot(
            ["exec", "sh", "client.sh"], new Dictionary<string, string?> { ["DOCKER_CONFIG"] = configuration.Path }, context.Path).WaitAsync();
        result.MustFail(7);
        Assert.Contains("[depot] build: ", result.Error);
        Assert.Equal("executed\n", (await site.DockerAsync("run", "--rm", image)).MustSucceed().Output);
        Assert.Equal("executed\n", (await site.DockerAsync("run", "--rm", "exec:loaded")).MustSucceed().Output);
        var row = await Records.FinalRowAsync(() => site.DepotAsync("list", "builds"), Records.BuildIdOf(result));
        Assert.Contains("failed", row);
    }

    [Fact]
    public async Task The_socket_is_its_users_alone()
    {
        var result = await site.DepotAsync("exec", "--env-var", "WHERE", "sh", "-c", "stat -c %a \"$(dirname \"${WHERE#unix://}\")\"");
        Assert.Equal("700\n", result.MustSucceed().Output);
    }

    [Fact]
    public async Task A_command_that_is_not_there_is_named()
    {
        var result = (await site.DepotAsync("exec", "no-such-command")).MustFail();
        Assert.Contains("cannot run \"no-such-command\": No such file or directory", result.Error);
    }
}
