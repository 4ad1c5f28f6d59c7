using Depot.Cli.Flags;
using Depot.Cli.Settings;
using Slipway.BuildKit;
using Slipway.BuildKit.Secrets;
using Slipway.BuildKit.Ssh;

namespace Depot.Cli.Build;

/// <summary>The arguments whose own grammar is fulfilled; nothing outside them has been looked at.</summary>
internal sealed class ParsedArguments
{
    public required BuildArguments Arguments { get; init; }

    public required IReadOnlyDictionary<string, string> BuildArgs { get; init; }

    public required IReadOnlyDictionary<string, string> Labels { get; init; }

    public required IReadOnlyDictionary<string, string?> Attestations { get; init; }

    public required IReadOnlyList<OutputSpec> Outputs { get; init; }

    public required IReadOnlyList<CacheSpec> CacheFrom { get; init; }

    public required IReadOnlyList<CacheSpec> CacheTo { get; init; }

    public required IReadOnlyList<SecretSpec> Secrets { get; init; }

    public required IReadOnlyList<SshAgentSpec> SshAgents { get; init; }

    public CallSpec? Call { get; init; }

    public static ParsedArguments Read(BuildArguments arguments, CliSettings settings)
    {
        try
        {
            return ReadAll(arguments, settings);
        }
        catch (InputException problem)
        {
            throw new CliException(problem.Message, inner: problem);
        }
    }

    private static ParsedArguments ReadAll(BuildArguments arguments, CliSettings settings)
    {
        var buildArgs = BuildArgPairs(arguments.BuildArgs, settings);
        var labels = Pairs(arguments.Labels, missing: _ => "");
        var attestations = AttestSpec.ParseAll(arguments);
        _ = BuildInputs.NamedContexts(arguments.BuildContexts);
        var outputs = arguments.Outputs.Where(text => text.Length > 0).Select(OutputSpec.Parse).ToList();
        if (arguments.IidFile.Length > 0 && outputs.Exists(output => output.Type is "local" or "tar"))
        {
            throw new CliException("local and tar exporters are incompatible with image ID file");
        }

        var cacheTo = CacheSpec.ParseAll(arguments.CacheTo).ToList();
        if (FlagTable.TryParseBool(buildArgs.GetValueOrDefault("BUILDKIT_INLINE_CACHE", "")) == true)
        {
            cacheTo.Add(new CacheSpec("inline", new(StringComparer.Ordinal)));
        }

        return new ParsedArguments
        {
            Arguments = arguments,
            BuildArgs = buildArgs,
            Labels = labels,
            Attestations = attestations,
            Outputs = outputs,
            CacheFrom = Active(CacheSpec.ParseAll(arguments.CacheFrom), settings),
            CacheTo = Active(cacheTo, settings),
            Secrets = arguments.Secrets.Where(text => text.Length > 0).Select(SecretSpec.Parse).ToList(),
            SshAgents = AgentsFor(arguments),
            Call = CallSpec.Parse(arguments.Call),
        };
    }

    /// <summary>A repository that is reached over ssh gets the user's agent unasked.</summary>
    private static List<SshAgentSpec> AgentsFor(BuildArguments arguments) =>
        arguments.Ssh.Count == 0 && RemoteSource.IsGitOverSsh(arguments.Context)
            ? [new SshAgentSpec(SshAgentSpec.DefaultId, [])]
            : arguments.Ssh.Where(text => text.Length > 0).Select(SshAgentSpec.Parse).ToList();

    private static List<CacheSpec> Active(IEnumerable<CacheSpec> entries, CliSettings settings) =>
        entries.Select(entry => entry.WithCredentials(settings)).OfType<CacheSpec>().ToList();

    private static Dictionary<string, string> BuildArgPairs(IEnumerable<string> texts, CliSettings settings)
    {
        var pairs = Pairs(texts, settings.Variable);
        if (settings.SourceDateEpoch is { } epoch)
        {
            pairs.TryAdd("SOURCE_DATE_EPOCH", epoch);
        }

        return pairs;
    }

    /// <param name="missing">The value of a key without one; null leaves the key out.</param>
    private static Dictionary<string, string> Pairs(IEnumerable<string> texts, Func<string, string?> missing)
    {
        var pairs = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var text in texts)
        {
            var equals = text.IndexOf('=', StringComparison.Ordinal);
            var key = equals < 0 ? text : text[..equals];
            if (key.Length == 0)
            {
                throw new CliException($"invalid key-value pair {GoText.Quote(text)}: empty key");
            }

            if ((equals < 0 ? missing(key) : text[(equals + 1)..]) is { } value)
            {
                pairs[key] = value;
            }
        }

        return pairs;
    }
}
