using System.Text.RegularExpressions;

namespace Depot.Cli.Registries;

/// <summary>A registry that the engine got no answer from: recognised in its words, which are Go's, and where to look.</summary>
internal static partial class RegistryOutOfReach
{
    private static readonly string[] Signs =
        ["no such host", "connection refused", "i/o timeout", "connection timed out", "no route to host", "network is unreachable", "server misbehaving"];

    /// <summary>What to do about a failed build's message; null when it is about something else.</summary>
    /// <remarks>BuildKit says <c>failed to do request: Head "https://HOST/v2/…": dial tcp: …</c>.</remarks>
    public static string? RemedyFor(string message) => Request().Match(message) switch
    {
        { Success: false } => null,
        { Groups: [_, { Value: var host }] } when message.Contains("x509: ", StringComparison.Ordinal) =>
            $"Registries are reached from the builder, not from this machine: the builder's machine must trust the certificate of {host}.",
        { Groups: [_, { Value: var host }] } when Signs.Any(sign => message.Contains(sign, StringComparison.Ordinal)) =>
            $"Registries are reached from the builder, not from this machine: it must be able to look up and reach {host}{(IsOfTheMachine(host) ? "; for its own machine it is started with --host-port" : "")}.",
        _ => null,
    };

    private static bool IsOfTheMachine(string host) => host.StartsWith("localhost", StringComparison.Ordinal) || host.StartsWith("127.", StringComparison.Ordinal);

    [GeneratedRegex("failed to do request: [A-Z][a-z]+ \\\\?\"https?://([^/\"]+)")]
    private static partial Regex Request();
}
