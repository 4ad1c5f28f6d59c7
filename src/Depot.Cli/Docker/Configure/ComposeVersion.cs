using System.Diagnostics;
using System.Text.Json;
using Depot.Cli.Settings;

namespace Depot.Cli.Docker.Configure;

/// <summary>Which Compose there is. An older one carries its own builder inside, which no plugin can stand in for.</summary>
/// <param name="Text">As it says it, without the <c>v</c>.</param>
internal sealed record ComposeVersion(string Text)
{
    public const string FirstText = "2.37";

    private static readonly Version s_first = new(2, 37);
    private static readonly TimeSpan AnswerWithin = TimeSpan.FromSeconds(5);

    /// <summary>What cannot be read is taken for new enough.</summary>
    public bool HandsBuildsOver => !Version.TryParse(Text.Split('-', '+', '~')[0], out var version) || version >= s_first;

    /// <summary>Null without Compose, or when it does not say.</summary>
    public static async Task<ComposeVersion?> FindAsync(CliSettings settings, CancellationToken cancellation)
    {
        if (PluginFolders.Find(settings, "docker-compose") is not { } path)
        {
            return null;
        }

        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(AnswerWithin);
        try
        {
            using var compose = Process.Start(new ProcessStartInfo(path, Plugin.PluginCall.MetadataWord) { RedirectStandardOutput = true })!;
            using var answer = JsonDocument.Parse(await compose.StandardOutput.ReadToEndAsync(limit.Token));
            return answer.RootElement.GetProperty("Version").GetString() is { } text ? new ComposeVersion(text.TrimStart('v')) : null;
        }
        catch (Exception problem) when (problem is JsonException or KeyNotFoundException or IOException or System.ComponentModel.Win32Exception or OperationCanceledException)
        {
            return null;
        }
    }
}
