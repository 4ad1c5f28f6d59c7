using Depot.Cli.Settings;

namespace Depot.Cli.ControlPlane;

/// <summary>The bearer token of one command, and where it came from.</summary>
internal sealed record Credentials(string Token, string Source)
{
    /// <summary>Resolves the token: <c>--token</c>, <c>DEPOT_TOKEN</c>, the stored one, then what a CI job offers.</summary>
    /// <exception cref="CliException">There is none.</exception>
    public static Credentials Resolve(string? flag, CliSettings settings) =>
        Find(flag, settings) ?? throw new CliException("missing API token, please run `depot login`")
        {
            Remedy = "In a script, set DEPOT_TOKEN or pass --token.",
        };

    private static Credentials? Find(string? flag, CliSettings settings) =>
        flag is { Length: > 0 } ? new(flag, "--token")
        : settings.Token is { } token ? new(token, "DEPOT_TOKEN")
        : settings.ApiToken is { } api ? new(api, "DEPOT_API_TOKEN")
        : settings.Config.ApiToken is { } stored ? new(stored, settings.ConfigPath)
        : settings.JobToken is { } job ? new(job, "the job's token")
        : null;

    /// <summary>A token must never end up in a log line by way of a record's text.</summary>
    public override string ToString() => $"token of {Source}";
}
