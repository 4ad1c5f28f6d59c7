using Depot.Cli.Build;
using Depot.Cli.Settings;
using Slipway.Bake.Definition;
using Slipway.Bake.Functions;

namespace Depot.Cli.Bake;

/// <summary>The targets to build, and what the command line permits them.</summary>
internal sealed record BakeRequest(BakePlan Plan, Grants Grants)
{
    private const string Here = "cwd://";

    public static BakeRequest Resolve(BakeDefinition definition, BakeArguments arguments, DefinitionSource source, CliSettings settings)
    {
        var grants = Grants.Parse(arguments.Allow);
        var plan = definition.Plan(source.Targets, Override.Parse(Flags(arguments), settings.Variable), grants);
        foreach (var target in plan.Targets.Values)
        {
            Complete(target, source, settings);
        }

        return new BakeRequest(plan, grants);
    }

    /// <summary>The short flags say what <c>--set</c> could say, for all targets.</summary>
    private static List<string> Flags(BakeArguments arguments)
    {
        List<string> flags = [.. arguments.Overrides];
        void Add(bool given, string flag) => flags.AddRange(given ? [flag] : []);
        var call = CallName(arguments.Call);
        Add(arguments.Push, "*.push=true");
        Add(arguments.Load, "*.load=true");
        Add(call.Length > 0, $"*.call={call}");
        Add(arguments.NoCache is not null, $"*.no-cache={Word(arguments.NoCache)}");
        Add(arguments.Pull is not null, $"*.pull={Word(arguments.Pull)}");
        Add(arguments.Sbom.Length > 0, $"*.attest={AttestEntry.Canonical("sbom", arguments.Sbom)}");
        Add(arguments.Provenance.Length > 0, $"*.attest={AttestEntry.Canonical("provenance", arguments.Provenance)}");
        return flags;
    }

    private static string Word(bool? value) => value == true ? "true" : "false";

    /// <summary>The method alone, without its format; empty for an ordinary build.</summary>
    private static string CallName(string call) => call.Split(',')[0] switch
    {
        "build" or "" => "",
        "check" => "lint",
        var name => name,
    };

    private static void Complete(Target target, DefinitionSource source, CliSettings settings)
    {
        if (target.Context == "-")
        {
            throw new CliException("context from stdin not allowed in bake");
        }

        if (target.Dockerfile == "-")
        {
            throw new CliException("dockerfile from stdin not allowed in bake");
        }

        if (settings.SourceDateEpoch is { } epoch && target.Args?.ContainsKey("SOURCE_DATE_EPOCH") != true)
        {
            (target.Args ??= new(StringComparer.Ordinal))["SOURCE_DATE_EPOCH"] = epoch;
        }

        foreach (var (name, context) in target.Contexts?.ToList() ?? [])
        {
            target.Contexts![name] = source.Locate(context);
        }

        target.Context = Cleaned(source.Locate(target.Context!));
        if (RemoteSource.IsRemote(target.Context))
        {
            AddGitAccess(target, settings);
        }
    }

    /// <summary>What opens the definition's repository opens the context's, too: BuildKit asks for secrets of these names.</summary>
    private static void AddGitAccess(Target target, CliSettings settings)
    {
        if (settings.BakeGitToken is not null)
        {
            (target.Secrets ??= []).Add(new SecretEntry("GIT_AUTH_TOKEN", "", "BUILDX_BAKE_GIT_AUTH_TOKEN"));
        }

        if (settings.BakeGitHeader is not null)
        {
            (target.Secrets ??= []).Add(new SecretEntry("GIT_AUTH_HEADER", "", "BUILDX_BAKE_GIT_AUTH_HEADER"));
        }
    }

    private static string Cleaned(string context) =>
        context.StartsWith(Here, StringComparison.Ordinal) ? PathFunctions.Clean(context[Here.Length..])
        : RemoteSource.IsRemote(context) ? context
        : PathFunctions.Clean(context);
}
