namespace Depot.Cli.Registries;

/// <summary>A registry that did not let the build push: recognised in the engine's words, and what to do about it.</summary>
internal static class PushRefusal
{
    private static readonly string[] Signs =
        ["401 Unauthorized", "403 Forbidden", "no basic auth credentials", "insufficient_scope", "authorization failed", "unauthorized", "access denied", "access is denied"];

    public static string Remedy(string host) =>
        $"The registry did not accept this machine's login: run `docker login {(host == "registry-1.docker.io" ? "" : host)}".TrimEnd() + "` here, with an account that may push there, and build again.";

    /// <summary>The remedy for a failed build's message; null when it is about something else.</summary>
    /// <remarks>BuildKit says <c>failed to push HOST/NAME:TAG: …</c>.</remarks>
    public static string? RemedyFor(string message)
    {
        const string words = "failed to push ";
        var start = message.IndexOf(words, StringComparison.Ordinal);
        if (start < 0 || !Signs.Any(sign => message.Contains(sign, StringComparison.OrdinalIgnoreCase)))
        {
            return null;
        }

        var name = message[(start + words.Length)..].Split(": ", 2)[0];
        return Remedy(Build.ImageReference.Locate(name).Host);
    }
}
