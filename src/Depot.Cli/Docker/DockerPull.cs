using System.Text.Json;
using Depot.Cli.Images;
using Slipway.BuildKit.Progress;

namespace Depot.Cli.Docker;

/// <summary>One pull by the local Docker, and what it says of each layer.</summary>
internal sealed class DockerPull(LocalDocker docker, RunningVertex step, TimeProvider clock)
{
    private readonly DateTimeOffset _started = clock.GetUtcNow();

    /// <param name="platform">Empty: Docker's own.</param>
    /// <exception cref="CliException">Docker could not pull it.</exception>
    public Task RunAsync(SavedImage image, string platform, CancellationToken cancellation) =>
        docker.PullAsync(image.Reference, platform, new() { ServerAddress = image.Host, Username = image.Login.Username, Password = image.Login.Password }, line => Read(image, line), cancellation);

    /// <summary>The daemon answers 200 before it pulls: only the stream tells how it went.</summary>
    private void Read(SavedImage image, JsonElement line)
    {
        if (Text(line, "error") is { Length: > 0 } error)
        {
            throw LocalDocker.NotPulled(image.Reference, error);
        }

        var (id, status) = (Text(line, "id"), Text(line, "status"));
        if (line.TryGetProperty("progressDetail", out var detail) && detail.TryGetProperty("total", out var total) && detail.TryGetProperty("current", out var current))
        {
            if (status == "Downloading")
            {
                step.Report(id, current.GetInt64(), total.GetInt64(), _started, completed: false);
            }
        }
        else if (status.Length > 0)
        {
            step.Log($"{(id.Length > 0 ? $"{id}: " : "")}{status}\n");
        }
    }

    private static string Text(JsonElement line, string name) =>
        line.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : "";
}
