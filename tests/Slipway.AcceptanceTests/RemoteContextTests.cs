using System.Diagnostics;

namespace Slipway.AcceptanceTests;

/// <summary>Contexts and credentials that come from elsewhere: git, an SSH agent.</summary>
public sealed class RemoteContextTests(Site site)
{
    // busybox speaks to no Unix socket.
    private const string AskAgent = """
        #include <stdlib.h>
        #include <string.h>
        #include <sys/socket.h>
        #include <sys/un.h>
        #include <unistd.h>
        int main(void) {
          struct sockaddr_un to = {.sun_family = AF_UNIX};
          char answer[4096];
          int agent = socket(AF_UNIX, SOCK_STREAM, 0);
          strncpy(to.sun_path, getenv("SSH_AUTH_SOCK"), sizeof to.sun_path - 1);
          if (connect(agent, (struct sockaddr *)&to, sizeof to) || write(agent, "\0\0\0\1\13", 5) != 5) return 1;
          ssize_t length = read(agent, answer, sizeof answer);
          return length <= 0 || write(1, answer, length) != length;
        }
        """;

    [Fact]
    public async Task A_git_URL_is_a_context()
    {
        using var folder = new WorkFolder("git").With("repository/Dockerfile", $"FROM {site.BaseImage}\nCOPY word /word\n").With("repository/word", "from git\n");
        foreach (var arguments in new[] { "init -q -b main", "add -A", "-c user.name=t -c user.email=t@example.com commit -qm first" })
        {
            (await RunningCommand.Start("git", arguments.Split(' '), directory: folder["repository"]).WaitAsync()).MustSucceed();
        }

        var port = Parts.FreePort();
        await using var daemon = RunningCommand.Start(
            "git", ["daemon", "--export-all", "--verbose", "--informative-errors", "--listen=127.0.0.1", $"--port={port}", $"--base-path={folder.Path}", folder.Path]);
        await daemon.SaysAsync("Ready to rumble");
        using var output = new WorkFolder();
        (await site.DepotAsync("build", "-o", output.Path, $"git://127.0.0.1:{port}/repository#main")).MustSucceed();
        Assert.Equal("from git\n", await File.ReadAllTextAsync(output["word"]));
    }

    [Fact]
    public async Task An_SSH_agent_is_forwarded_and_answers()
    {
        using var folder = new WorkFolder("ssh");
        (await RunningCommand.Start("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "a key of the test", "-f", folder["key"]]).WaitAsync()).MustSucceed();
        await using var agent = RunningCommand.Start("ssh-agent", ["-D", "-a", folder["agent.sock"]]);
        await agent.SaysAsync("SSH_AUTH_SOCK");
        var environment = new Dictionary<string, string?> { ["SSH_AUTH_SOCK"] = folder["agent.sock"] };
        (await RunningCommand.Start("ssh-add", ["-q", folder["key"]], environment).WaitAsync()).MustSucceed();

        // The step asks the agent for its identities (message 11) through the forwarded socket.
        using var context = new WorkFolder().With("ask.c", AskAgent).With("Dockerfile", $"""
            FROM {site.BaseImage}
            COPY ask /ask
            RUN --mount=type=ssh /ask > /answer

            """);
        (await RunningCommand.Start("gcc", ["-static", "-o", context["ask"], context["ask.c"]]).WaitAsync()).MustSucceed();
        using var output = new WorkFolder();
        (await site.StartDepot(["build", "--progress=plain", "--ssh", "default", "-o", output.Path, context.Path], environment).WaitAsync()).MustSucceed();
        Assert.Contains("a key of the test", await File.ReadAllTextAsync(output["answer"]));
    }
}
