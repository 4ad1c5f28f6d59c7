using Depot.Cli.Settings;

namespace Depot.Cli.ControlPlane.Oidc;

/// <summary>Any other issuer: whoever starts the job puts its token into a variable, or into a file that is kept fresh (a Kubernetes service account's).</summary>
internal sealed class GivenOidc(CliSettings settings) : IOidcProvider
{
    private const string TokenVariable = "DEPOT_OIDC_TOKEN";
    private const string FileVariable = "DEPOT_OIDC_TOKEN_FILE";

    public string Name => settings.Has(FileVariable) ? FileVariable : TokenVariable;

    public bool IsHere => settings.Has(FileVariable) || settings.Has(TokenVariable);

    public string? Lacks(string audience) => null;

    public async Task<string> FetchAsync(string audience, CancellationToken cancellation)
    {
        if (settings.Variable(FileVariable) is not { Length: > 0 } path)
        {
            return settings.Variable(TokenVariable)!.Trim();
        }

        try
        {
            return (await File.ReadAllTextAsync(path, cancellation)).Trim() is { Length: > 0 } token
                ? token
                : throw new OidcException($"the file {path} that {FileVariable} names is empty");
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new OidcException($"could not read the file that {FileVariable} names: {problem.Message}", problem);
        }
    }
}
