using Depot.Cli.Settings;

namespace Depot.Cli.ControlPlane.Oidc;

/// <summary>CircleCI: every job that uses a context finds a token in a variable; its audience is the organisation's id.</summary>
internal sealed class CircleCiOidc(CliSettings settings) : IOidcProvider
{
    private const string TokenVariable = "CIRCLE_OIDC_TOKEN_V2";

    public string Name => "CircleCI";

    public bool IsHere => settings.Has("CIRCLECI");

    public string? Lacks(string audience) => settings.Has(TokenVariable)
        ? null
        : $"This is a CircleCI job without {TokenVariable}: give the job a context (`context:` in the workflow), any will do.";

    public Task<string> FetchAsync(string audience, CancellationToken cancellation) => Task.FromResult(settings.Variable(TokenVariable)!.Trim());
}
