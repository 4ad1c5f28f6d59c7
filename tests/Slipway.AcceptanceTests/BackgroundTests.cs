using System.Net;
using System.Net.Sockets;

namespace Slipway.AcceptanceTests;

/// <summary>The client in the background of a terminal, as <c>timeout</c> and a shell's <c>&amp;</c> put it there.</summary>
public sealed class BackgroundTests
{
    /// <summary><c>timeout</c> sends SIGCONT after the signal that ends a command: one that changes the terminal then is stopped by the kernel, for ever.</summary>
    [Fact]
    public async Task To_be_continued_does_not_stop_it()
    {
        // Accepts in the kernel and never answers, so that the client waits.
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        using var folder = new WorkFolder().With(
            "run",
            """
            set -m
            "$DEPOT" projects list &
            child=$!
            until [ "$(cat /proc/$child/comm)" = depot ] && grep -q 'SigCgt:.*[2367abef]....$' /proc/$child/status; do sleep 0.05; done
            for i in $(seq 300); do
                kill -CONT $child
                sleep 0.003
                if [ "$(cut -d' ' -f3 /proc/$child/stat)" = T ]; then
                    kill -KILL $child
                    echo "stopped by the $i. SIGCONT"
                    exit
                fi
            done
            kill -TERM $child
            wait $child
            echo "ended with $?"
            """);
        var environment = new Dictionary<string, string?>
        {
            ["DEPOT"] = Parts.Depot,
            ["DEPOT_API_URL"] = $"http://{silent.LocalEndpoint}",
            ["DEPOT_TOKEN"] = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.eHh4",
        };
        var ran = await RunningCommand.Start("script", ["--quiet", "--return", "--command", "bash run", "/dev/null"], environment, folder.Path).WaitAsync();
        Assert.Contains("ended with 130", ran.Output, StringComparison.Ordinal);
    }
}
