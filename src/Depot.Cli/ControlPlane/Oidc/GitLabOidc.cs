using Depot.Cli.Settings;

namespace Depot.Cli.ControlPlane.Oidc;

/// <summary>GitLab: the job declares its tokens (<c>id_tokens</c>) and finds them in variables, for as long as the job runs.</summary>
internal sealed class GitLabOidc(CliSettings settings) : IOidcProvider
{
    private const string TokenVariable = "DEPOT_OIDC_TOKEN";

    public string Name => "GitLab";

    public bool IsHere => settings.Has("GITLAB_CI");

    public string? Lacks(string audience) => settings.Has(TokenVariable)
        ? null
        : $"This is a GitLab job without {TokenVariable}: declare `id_tokens: {{{TokenVariable}: {{aud: {audience}}}}}` in it.";

    public Task<string> FetchAsync(string audience, CancellationToken cancellation) => Task.FromResult(settings.Variable(TokenVariable)!.Trim());
}
