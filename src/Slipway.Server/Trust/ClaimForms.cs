using Slipway.Contract.Connect;

namespace Slipway.Server.Trust;

/// <summary>How a provider writes what its tokens say. A condition in another form is met by no job, and whoever typed it learns that when it is saved, not
/// from a pipeline that is refused.</summary>
internal static class ClaimForms
{
    private static readonly Form Slug = new(
        value => !value.Any(letter => char.IsUpper(letter) || char.IsWhiteSpace(letter)), "a slug is in lower case and has no spaces; copy it from the pipeline's address");

    private static readonly Form OwnerAndName = new(value => value.Split('/') is [{ Length: > 0 }, { Length: > 0 }], "write OWNER/NAME");
    private static readonly Form Path = new(value => value.Trim('/') == value && value.Contains('/', StringComparison.Ordinal), "write GROUP/PROJECT");
    private static readonly Form Ref = new(value => value.StartsWith("refs/", StringComparison.Ordinal) || value.StartsWith('*'), "write refs/heads/BRANCH, or refs/tags/TAG");

    /// <summary>By provider and claim, after the providers' references of what their tokens hold.</summary>
    private static readonly Dictionary<(string Provider, string Claim), Form> Forms = new()
    {
        [(TrustProvider.Buildkite.Name, "organization_slug")] = Slug,
        [(TrustProvider.Buildkite.Name, "pipeline_slug")] = Slug,
        [(TrustProvider.GitHub.Name, "repository")] = OwnerAndName,
        [(TrustProvider.GitHub.Name, "ref")] = Ref,
        [(TrustProvider.GitLab.Name, "project_path")] = Path,
        [(TrustProvider.GitLab.Name, "ref_path")] = Ref,
    };

    /// <exception cref="ApiException">No job could meet the conditions.</exception>
    public static void Check(TrustProvider provider, IReadOnlyList<ClaimCondition> conditions)
    {
        foreach (var condition in conditions)
        {
            if (Forms.TryGetValue((provider.Name, condition.Claim), out var form) && condition.Values.FirstOrDefault(value => !form.Fits(value)) is { } value)
            {
                throw Refuse($"no token of {provider.Name} has the {condition.Claim} \"{value}\"", form.Remedy);
            }
        }

        if (provider.OwnerInPath is { } names && Of(names.Path) is { } path && Of(names.Owner) is { } owner
            && !path.Values.Any(value => owner.Values.Contains(value[..value.LastIndexOf('/')], StringComparer.Ordinal)))
        {
            throw Refuse($"no job meets both {path.Describe()} and {owner.Describe()}", "the path begins with its owner");
        }

        ClaimCondition? Of(string claim) => conditions.FirstOrDefault(condition => condition.Claim == claim);
    }

    private static ApiException Refuse(string what, string remedy) => new(ConnectCode.InvalidArgument, what, remedy);

    private sealed record Form(Func<string, bool> Fits, string Remedy);
}
