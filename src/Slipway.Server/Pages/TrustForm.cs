using Slipway.Contract.Connect;
using Slipway.Server.Sessions;
using Slipway.Server.Trust;

namespace Slipway.Server.Pages;

/// <summary>The form that adds a trust relationship: what each provider calls its things, and the server's objection beside what it is about.</summary>
/// <param name="Typed">What was filled in, by field; empty for a new form.</param>
internal sealed record TrustForm(TrustProvider Provider, Func<string, string> Typed)
{
    /// <summary>By provider and field: what to write there.</summary>
    private static readonly Dictionary<(string Provider, string Field), (string Label, string Hint)> Words = new()
    {
        [("buildkite", "organization")] = ("Organization slug", "The first part after buildkite.com/ in the pipeline's address."),
        [("buildkite", "pipeline")] = ("Pipeline slug", "The second part of that address."),
        [("buildkite", "branch")] = ("Branch", "Empty: any. With * a pattern: release/*"),
        [("buildkite", "step")] = ("Step key", "Only the step with this key."),
        [("buildkite", "queue")] = ("Queue key", "Only jobs on agents of this queue."),
        [("buildkite", "cluster")] = ("Cluster id", "Only jobs of this cluster."),
        [("github", "organization")] = ("Owner", "Empty: the first part of the repository."),
        [("github", "repository")] = ("Repository", "OWNER/NAME"),
        [("github", "branch")] = ("Ref", "Empty: any. With * a pattern: refs/heads/*"),
        [("gitlab", "organization")] = ("Namespace", "Empty: the first part of the project's path."),
        [("gitlab", "repository")] = ("Project path", "GROUP/NAME"),
        [("gitlab", "branch")] = ("Ref", "Empty: any. With * a pattern."),
        [("circleci", "organization")] = ("Organization id", "The UUID in the organization's settings."),
        [("circleci", "circleci-project")] = ("Project id", "The UUID in the project's settings."),
        [("circleci", "branch")] = ("Ref", "Empty: any. With * a pattern."),
    };

    private static readonly Dictionary<string, string[]> Needed = new()
    {
        ["buildkite"] = ["organization", "pipeline"],
        ["github"] = ["repository"],
        ["gitlab"] = ["repository"],
        ["circleci"] = ["organization", "circleci-project"],
        ["oidc"] = ["issuer"],
    };

    public string Problem { get; init; } = "";

    public static TrustProvider ProviderOf(string? name) => TrustProvider.All.FirstOrDefault(provider => provider.Name == name) ?? TrustProvider.Buildkite;

    public static string NameOf(string provider) => provider switch
    {
        "buildkite" => "Buildkite",
        "github" => "GitHub Actions",
        "gitlab" => "GitLab",
        "circleci" => "CircleCI",
        _ => "OpenID Connect",
    };

    public NewTrust Read(string projectId) => new(
        projectId,
        Provider.Name,
        Typed("issuer").Length > 0 ? Typed("issuer") : Provider == TrustProvider.CircleCI ? TrustField.IssuerOf(Typed(TrustField.Organization)) : "",
        [.. OwnFields.Where(field => field.ClaimOf(Provider.Name)!.Length > 0 && Typed(field.Name).Length > 0).Select(Condition), .. Claims()],
        Typed("depot-audience") == "yes",
        Typed("single-use") == "yes",
        Typed("tier"),
        [.. Typed("from").Split([',', ' '], StringSplitOptions.RemoveEmptyEntries)]);

    public Html Render(Visitor visitor, string projectId)
    {
        var about = FieldOfProblem();
        var more = Advanced.Select(name => Input(name, about)).ToList();
        return Html.Of(
            $"""
            <section class="card" id="add"><h2>Add one</h2>
            <nav class="choices" aria-label="CI system"><ul>{Html.Join(TrustProvider.All.Select(Choice(projectId)))}</ul></nav>
            {(about.Length == 0 ? Form.Problem(Problem) : Html.Nothing)}
            {Form.Of(
                visitor,
                $"/projects/{projectId}/trust#add",
                Html.Of(
                    $"""
                    <input type="hidden" name="provider" value="{Provider.Name}">
                    {Html.Join(Usual.Select(name => Input(name, about)))}
                    {Tier(about)}
                    <details{(Advanced.Any(name => name == about || Typed(name).Length > 0) ? new Html(" open") : Html.Nothing)}><summary>More conditions</summary>
                    {Html.Join(more)}
                    {Field.Check("single-use", "Each token opens one build only", Typed("single-use") == "yes")}
                    {Field.Check("depot-audience", $"Take tokens for {TrustProvider.DepotAudience}, too: the published depot client asks for no other", Typed("depot-audience") == "yes")}
                    </details>
                    """),
                "Add the relationship")}
            </section>
            """);
    }

    private IEnumerable<TrustField> OwnFields => TrustField.All.Where(one => one.ClaimOf(Provider.Name) is not null);

    private IEnumerable<string> Usual =>
    [
        .. OwnFields.Select(one => one.Name).Where(name => Words.ContainsKey((Provider.Name, name))),
        .. Provider == TrustProvider.Oidc ? ["issuer", "claims"] : Array.Empty<string>(),
    ];

    private IEnumerable<string> Advanced => OwnFields.Select(one => one.Name).Concat(["claims", "issuer", "from"]).Except(Usual);

    private Func<TrustProvider, Html> Choice(string projectId) => provider => Html.Of(
        $"""<li><a href="/projects/{projectId}/trust?provider={provider.Name}#add"{(provider == Provider ? new Html(" aria-current=\"true\"") : Html.Nothing)}>{NameOf(provider.Name)}</a></li>""");

    private Html Input(string name, string about)
    {
        var (label, hint) = Words.GetValueOrDefault((Provider.Name, name), Other(name));
        return new Field(name, label)
        {
            Value = Typed(name),
            Hint = hint,
            Required = Needed[Provider.Name].Contains(name, StringComparer.Ordinal),
            Problem = name == about ? Problem : "",
            Type = name == "claims" ? Field.Lines : "text",
        }.Render();
    }

    private static (string Label, string Hint) Other(string name) => name switch
    {
        "issuer" => ("Issuer", "Where its tokens come from, if that is not the provider's usual address: the \"iss\" claim of a token."),
        "claims" => ("Claims", "One a line, NAME=VALUE. A value with * is a pattern, for branches, tags and refs only."),
        "from" => ("Only from", "Addresses and networks that jobs may call from, with commas between: 10.0.0.0/8"),
        _ => (char.ToUpperInvariant(name[0]) + name[1..].Replace('-', ' '), $"{TrustField.All.First(field => field.Name == name).Description}."),
    };

    private Html Tier(string about) => new Field("tier", "Builds are")
    {
        Required = true,
        Value = Typed("tier"),
        Problem = about == "tier" ? Problem : "",
        Hint = "Untrusted builds get an engine and a cache of their own kind: for pipelines that build what strangers wrote, as in pull requests from forks.",
        Choices = Provider.VouchesFor is null
            ? [(TrustTier.Trusted, "trusted"), (TrustTier.Untrusted, "untrusted")]
            : [(TrustTier.ByClaims, "trusted where the token vouches for it"), (TrustTier.Trusted, "trusted"), (TrustTier.Untrusted, "untrusted")],
    }.Render();

    private ClaimCondition Condition(TrustField field) =>
        new(field.ClaimOf(Provider.Name)!, field.OperatorFor(Typed(field.Name)), [Typed(field.Name)]);

    private IEnumerable<ClaimCondition> Claims() => Typed("claims").Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
        .Select(line => line.Split('=', 2) is [{ Length: > 0 } name, { Length: > 0 } value]
            ? new ClaimCondition(name.Trim(), value.Contains('*', StringComparison.Ordinal) ? ClaimCondition.Matches : ClaimCondition.Is, [value.Trim()])
            : throw new ApiException(ConnectCode.InvalidArgument, $"the claims have the line \"{line}\"", "write NAME=VALUE"));

    /// <summary>The server's words name the claim that they are about; the field for it shows them.</summary>
    private string FieldOfProblem()
    {
        var named = OwnFields.Select(field => (field.Name, At: Problem.IndexOf(field.ClaimOf(Provider.Name) is { Length: > 0 } claim ? claim : "\0", StringComparison.Ordinal)))
            .Where(field => field.At >= 0)
            .OrderBy(field => field.At)
            .Select(field => field.Name)
            .FirstOrDefault();
        return named ?? (Problem.Contains("issuer \"", StringComparison.Ordinal) || Problem.Contains("needs an issuer", StringComparison.Ordinal)
                ? Provider == TrustProvider.CircleCI && Typed("issuer").Length == 0 ? TrustField.Organization : "issuer"
            : Problem.StartsWith("the claims", StringComparison.Ordinal) || Problem.Contains("pins nothing", StringComparison.Ordinal) ? "claims"
            : Problem.StartsWith("the tier", StringComparison.Ordinal) ? "tier"
            : Problem.Contains("address", StringComparison.Ordinal) ? "from"
            : "");
    }
}
