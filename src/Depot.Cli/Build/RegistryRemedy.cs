using System.Text.RegularExpressions;

namespace Depot.Cli.Build;

/// <summary>What to do about a registry that a builder could not push to or pull from.</summary>
internal static partial class RegistryRemedy
{
    /// <param name="message">The engine's words.</param>
    /// <param name="dockerConfigFolder">Where this machine's registry logins are.</param>
    public static string? For(string message, string dockerConfigFolder)
    {
        if (Image().Match(message) is not { Success: true } image)
        {
            return null;
        }

        var host = HostOf(image.Groups["image"].Value);
        var pushes = image.Groups["push"].Success;
        if (Refusal().IsMatch(message))
        {
            var login = host == "docker.io" ? "docker login" : $"docker login {host}";
            return $"The builder {(pushes ? "pushes" : "pulls")} with this machine's registry logins: run `{login}` before the build, in the same job, "
                + $"with a user who may {(pushes ? "push" : "pull")} there (logins are read from {Path.Combine(dockerConfigFolder, "config.json")}).";
        }

        return NoConnection().IsMatch(message)
            ? $"{(pushes ? "Pushes" : "Pulls")} go out from the builder, not from this machine: {host} must be reachable from there, and its certificate trusted."
            : null;
    }

    /// <summary>As Docker reads a name: the first part is a host when it looks like one.</summary>
    private static string HostOf(string image)
    {
        var first = image.Split('/')[0];
        return image.Contains('/', StringComparison.Ordinal) && (first.Contains('.', StringComparison.Ordinal) || first.Contains(':', StringComparison.Ordinal) || first == "localhost")
            ? first
            : "docker.io";
    }

    // BuildKit's exporter and its resolver; the name ends at the colon that a space follows.
    [GeneratedRegex(@"(?<push>failed to push )(?<image>\S+): |(?<=^|[\s:])(?<image>[^\s:]\S*): failed to (resolve source metadata|authorize)")]
    private static partial Regex Image();

    // The registry's own words, those of containerd's client, and the status codes that it reports.
    [GeneratedRegex(@"401 Unauthorized|403 Forbidden|\bunauthorized\b|authorization failed|no basic auth credentials|insufficient_scope|access denied|\bdenied:|authentication required", RegexOptions.IgnoreCase)]
    private static partial Regex Refusal();

    [GeneratedRegex(@"dial tcp|no such host|connection refused|i/o timeout|x509: |tls: |network is unreachable", RegexOptions.IgnoreCase)]
    private static partial Regex NoConnection();
}
