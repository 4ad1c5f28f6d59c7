using Depot.Cli.Docker;
using Depot.Cli.Rendering;
using Depot.Cli.Settings;
using Slipway.BuildKit;
using Slipway.BuildKit.Auth;
using Slipway.BuildKit.Secrets;
using Slipway.BuildKit.Ssh;

namespace Depot.Cli.Build;

/// <summary>A build, resolved and checked: everything that can be known before a server or a builder is asked.</summary>
internal sealed record BuildPlan : IDisposable
{
    public required BuildArguments Arguments { get; init; }

    public required BuildInputs Inputs { get; init; }

    public required string Frontend { get; init; }

    /// <summary>The frontend's attributes, those of the inputs included; the project's shared keys come with the lease.</summary>
    public required Dictionary<string, string> Attributes { get; init; }

    public required IReadOnlyList<OutputPlan> Outputs { get; init; }

    public required IReadOnlyList<CacheSpec> CacheImports { get; init; }

    public required IReadOnlyList<CacheSpec> CacheExports { get; init; }

    public required IReadOnlyList<string> Entitlements { get; init; }

    public required IReadOnlyList<PlatformName> Platforms { get; init; }

    public required IReadOnlyList<SecretSpec> Secrets { get; init; }

    public required IReadOnlyList<SshAgentSpec> SshAgents { get; init; }

    /// <summary>Attestations that the user asked for by name: an image with one is a manifest list.</summary>
    public required bool HasExplicitAttestations { get; init; }

    /// <summary>The architecture of the machine that builds: <c>amd64</c> or <c>arm64</c>.</summary>
    public required string Architecture { get; init; }

    public GitFacts? Git { get; init; }

    /// <summary>Files are dated by their contents, and the builder's copy of a folder belongs to its place in the repository.</summary>
    public bool StableTimes { get; init; }

    public bool Loads => Outputs.Any(output => output.Target == OutputTarget.Docker);

    /// <summary>Resolves what the user said. Every refusal carries buildx's text.</summary>
    public static async Task<BuildPlan> ResolveAsync(
        BuildArguments arguments, CliSettings settings, string workingFolder, Terminal terminal, CancellationToken cancellation)
    {
        var parsed = ParsedArguments.Read(arguments, settings);
        try
        {
            return await ResolveParsedAsync(parsed, settings, workingFolder, terminal, cancellation);
        }
        catch (Exception problem) when (problem is CliException or InputException)
        {
            // buildx says this of everything that goes wrong once the words are read.
            throw new CliException($"failed to build: {problem.Message}", inner: problem) { Remedy = (problem as CliException)?.Remedy };
        }
    }

    private static async Task<BuildPlan> ResolveParsedAsync(
        ParsedArguments parsed, CliSettings settings, string workingFolder, Terminal terminal, CancellationToken cancellation)
    {
        var arguments = parsed.Arguments;
        if (arguments.NoCache && arguments.NoCacheFilter.Count > 0)
        {
            throw new CliException("--no-cache and --no-cache-filter cannot currently be used together");
        }

        var platforms = PlatformName.ParseAll(arguments.Platforms.Count > 0 ? arguments.Platforms : [settings.DefaultPlatform ?? ""]);
        var outputs = OutputRules.Resolve(parsed.Outputs, arguments, terminal.OutIsTerminal, workingFolder);
        var proxies = DockerConfig.Load(settings.DockerConfigFolder).ProxyFor(settings.DockerHost ?? DockerEndpoint.DefaultAddress);
        var entitlements = OutputRules.Entitlements(arguments.Allow).ToList();
        var attributes = FrontendAttributes.Of(parsed, platforms, settings);
        FrontendAttributes.AddProxies(attributes, proxies?.BuildArguments() ?? []);
        if (arguments.Network == "host")
        {
            entitlements.Add("network.host");
        }

        var inputs = await BuildInputs.ResolveAsync(arguments, workingFolder, terminal.In, cancellation);
        foreach (var (key, value) in inputs.Attributes)
        {
            attributes[key] = value;
        }

        var git = inputs.ContextFolder is { } folder && (settings.SendGitInfo || settings.SendGitLabels) ? GitFacts.Find(folder) : null;
        FrontendAttributes.AddGit(attributes, git, inputs, settings);
        var stableTimes = arguments.StableTimes ?? settings.StableTimes;
        return new BuildPlan
        {
            Arguments = arguments,
            Inputs = inputs,
            Frontend = attributes.ContainsKey("source") ? "gateway.v0" : "dockerfile.v0",
            Attributes = attributes,
            Outputs = outputs,
            CacheImports = parsed.CacheFrom,
            CacheExports = parsed.CacheTo,
            Entitlements = entitlements,
            Platforms = platforms,
            Secrets = parsed.Secrets,
            SshAgents = parsed.SshAgents,
            HasExplicitAttestations = parsed.Attestations.Values.Any(value => value is not null),
            Architecture = ChooseArchitecture(arguments.BuildPlatform, platforms),
            Git = git ?? (stableTimes && inputs.ContextFolder is { } context ? GitFacts.Find(context) : null),
            StableTimes = stableTimes,
        };
    }

    /// <summary>The plan with the exporters that this machine's Docker takes.</summary>
    /// <remarks>Docker with the containerd store imports OCI archives, manifest lists included; the older store only Docker's own.</remarks>
    public BuildPlan ForDocker(bool containerdStore)
    {
        if (!containerdStore && Loads && (Platforms.Count > 1 || HasExplicitAttestations))
        {
            throw new CliException("failed to build: docker exporter does not currently support exporting manifest lists")
            {
                Remedy = "Load one platform without attestations, or turn on Docker's containerd image store.",
            };
        }

        return this with
        {
            Outputs = Outputs.Select(output => output.Target == OutputTarget.Docker && containerdStore
                ? output with { Type = "oci", PreferImageDigest = true }
                : output).ToList(),
        };
    }

    /// <summary>Names the copy of a local folder that the builder keeps: the same for every machine that builds this folder of this
    /// project, so that a fresh agent need not send what another one sent.</summary>
    /// <remarks>The name of the folder is part of it, because several checkouts with times of their own would only undo each other's copies.
    /// With stable times they do not, and agents name their checkouts as they like: the repository's own name counts instead.</remarks>
    public string SharedKey(string folder, string projectId)
    {
        var place = Git?.RelativePath(folder);
        var name = Path.GetFileName(folder.TrimEnd('/'));
        return StableTimes && place is not null
            ? $"stable:{projectId}:{Git!.RepositoryName}:{place}"
            : $"{name}:{projectId}:{place}";
    }

    /// <summary>The client's own architecture when it serves any of the platforms, else that of the first platform.</summary>
    private static string ChooseArchitecture(string buildPlatform, IReadOnlyList<PlatformName> platforms)
    {
        if (buildPlatform is not ("" or "dynamic"))
        {
            return buildPlatform switch
            {
                "linux/amd64" => "amd64",
                "linux/arm64" => "arm64",
                _ => throw new CliException($"invalid build platform: {buildPlatform} (must be one of: dynamic, linux/amd64, linux/arm64)"),
            };
        }

        var own = PlatformName.Local.BuilderArchitecture ?? "amd64";
        var wanted = platforms.Select(platform => platform.BuilderArchitecture).ToList();
        return wanted.Count == 0 || wanted.Contains(own) ? own : wanted.Find(architecture => architecture is not null) ?? own;
    }

    public void Dispose() => Inputs.Dispose();
}
