using Depot.Cli.Docker;
using Slipway.BuildKit;
using Slipway.BuildKit.Auth;
using Slipway.BuildKit.Compression;
using Slipway.BuildKit.Content;
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

    /// <summary>The architectures of the machines that build, the client's own first: <c>amd64</c>, <c>arm64</c>.</summary>
    public required IReadOnlyList<string> Architectures { get; init; }

    /// <summary>A question to the frontend in the place of a build.</summary>
    public CallSpec? Call { get; init; }

    /// <summary>The check that comes before the build, when one was asked for.</summary>
    public LintRule? Lint { get; init; }

    /// <summary>The Dockerfile as the user would name it, for excerpts; null when it is no file of this machine.</summary>
    public string? DockerfileName => Inputs.DockerfilePath is not { } path ? null
        : Arguments.File.Length > 0 ? Arguments.File
        : Path.Combine(Arguments.Context == "." ? "" : Arguments.Context, Path.GetFileName(path));

    public GitFacts? Git { get; init; }

    /// <summary>What the metadata file is to have of the build's provenance.</summary>
    public MetadataProvenance Provenance { get; init; }

    /// <summary>Where the image's SBOMs go on this machine; null without a wish for them.</summary>
    public SbomPlace? Sboms { get; init; }

    /// <summary>A Solve has one store for images: where another one's blobs go there, SBOMs need a Solve of their own.</summary>
    public bool SbomsApart => Sboms is not null && Outputs.Any(output => output.Target is OutputTarget.Docker or OutputTarget.Layout);

    /// <summary>Files are dated by their contents, and the builder's copy of a folder belongs to its place in the repository.</summary>
    public bool StableTimes { get; init; }

    /// <summary>Whether what travels to the builder is compressed.</summary>
    public CompressionMode Compression { get; init; }

    /// <summary>What the user should know before the build, and that does not stop it.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>OCI layouts of this machine that the builder reads from, by store id: named contexts and local caches.</summary>
    public IReadOnlyDictionary<string, OciLayout> Layouts => Inputs.Layouts
        .Concat(CacheImports.Where(cache => cache.Type == LocalCache.Type).Select(cache => KeyValuePair.Create($"local:{cache.Attributes["src"]}", new OciLayout(cache.Attributes["src"]))))
        .DistinctBy(entry => entry.Key).ToDictionary(StringComparer.Ordinal);

    /// <summary>Caches that the builder writes into folders of this machine.</summary>
    public IEnumerable<CacheSpec> LocalCacheExports => CacheExports.Where(cache => cache.Type == LocalCache.Type);

    /// <summary>The local Docker's image needs a Solve of its own: it is one platform of several, or something else is in the place where it would be offered.</summary>
    public bool LoadsApart => Loads && (Platforms.Count > 1 || Outputs.Any(output => output.Target == OutputTarget.Layout));

    public bool Loads => Outputs.Any(output => output.Target == OutputTarget.Docker);

    /// <summary>Resolves what the user said. Every refusal carries buildx's text.</summary>
    public static async Task<BuildPlan> ResolveAsync(
        BuildArguments arguments, CliContext cli, Stream standardInput, CancellationToken cancellation)
    {
        var parsed = ParsedArguments.Read(arguments, cli.Settings);
        try
        {
            return await ResolveParsedAsync(parsed, cli, standardInput, cancellation);
        }
        catch (Exception problem) when (problem is CliException or InputException)
        {
            // buildx says this of everything that goes wrong once the words are read.
            throw new CliException($"failed to build: {problem.Message}", inner: problem) { Remedy = (problem as CliException)?.Remedy };
        }
    }

    private static async Task<BuildPlan> ResolveParsedAsync(
        ParsedArguments parsed, CliContext cli, Stream standardInput, CancellationToken cancellation)
    {
        var (settings, workingFolder, terminal) = (cli.Settings, cli.WorkingFolder, cli.Terminal);
        var arguments = parsed.Arguments;
        var warnings = new List<string>();
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

        var inputs = await BuildInputs.ResolveAsync(cli, arguments, standardInput, cancellation);
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
            Outputs = parsed.Call is null ? outputs : [],
            CacheImports = parsed.CacheFrom.Select(cache => LocalCache.ForImport(cache, workingFolder, warnings.Add)).OfType<CacheSpec>().ToList(),
            CacheExports = parsed.CacheTo.Select(cache => LocalCache.ForExport(cache, workingFolder)).ToList(),
            Entitlements = entitlements,
            Platforms = platforms,
            Secrets = parsed.Secrets,
            SshAgents = parsed.SshAgents,
            Call = parsed.Call,
            Lint = arguments.Lint ? LintRule.Of(arguments.LintFailOn) : null,
            HasExplicitAttestations = parsed.Attestations.Values.Any(value => value is not null),
            Architectures = ChooseArchitectures(arguments.BuildPlatform, platforms),
            Git = git ?? (stableTimes && inputs.ContextFolder is { } context ? GitFacts.Find(context) : null),
            StableTimes = stableTimes,
            Compression = arguments.Compression ?? settings.Compression,
            Warnings = warnings,
            Provenance = arguments.MetadataFile.Length > 0 && parsed.Call is null ? settings.MetadataProvenance : MetadataProvenance.None,
            Sboms = arguments.SbomFolder.Length > 0
                ? new SbomPlace(Path.GetFullPath(arguments.SbomFolder, workingFolder), arguments.SbomTarget, platforms.Count > 1) : null,
        };
    }

    /// <summary>The plan with the exporters that this machine's Docker takes.</summary>
    /// <remarks>Docker with the containerd store imports OCI archives, manifest lists included; the older store only Docker's own.</remarks>
    public BuildPlan ForDocker(bool containerdStore)
    {
        if (!containerdStore && Loads && HasExplicitAttestations)
        {
            throw new CliException("failed to build: docker exporter does not currently support exporting manifest lists")
            {
                Remedy = "Load the image without attestations, or turn on Docker's containerd image store.",
            };
        }

        return this with
        {
            Outputs = Outputs.Select(output => output.Target == OutputTarget.Docker ? ForDocker(output, containerdStore) : output).ToList(),
        };
    }

    /// <summary>The plan once more, for the image that Docker gets: everything else has been delivered, and every step is cached now.</summary>
    public BuildPlan ForLoadOnly()
    {
        var attributes = new Dictionary<string, string>(Attributes, StringComparer.Ordinal);
        attributes.Remove("no-cache");
        return this with
        {
            Attributes = attributes, CacheExports = [], Provenance = MetadataProvenance.None, Outputs = Outputs.Where(output => output.Target == OutputTarget.Docker).ToList(),
        };
    }

    /// <summary>Without an archive of its own, the exporter offers the image blob by blob.</summary>
    private static OutputPlan ForDocker(OutputPlan output, bool containerdStore)
    {
        var attributes = new Dictionary<string, string>(output.Attributes, StringComparer.Ordinal) { ["tar"] = "false" };
        return containerdStore
            ? output with { Type = "oci", Attributes = attributes, PreferImageDigest = true }
            : output with { Attributes = attributes };
    }

    /// <summary>Names the copy of a local folder that the builder keeps: the same for every machine that builds this folder of this
    /// project, so that a fresh agent need not send what another one sent.</summary>
    /// <remarks>The name of the folder is part of it, because several checkouts with times of their own would only undo each other's copies.
    /// With stable times they do not, and agents name their checkouts as they like: the repository's own name counts instead.</remarks>
    public string SharedKey(string folder, string projectId)
    {
        var place = Git?.RelativePath(folder);
        var name = Path.GetFileName(Path.TrimEndingDirectorySeparator(folder));
        return StableTimes && place is not null
            ? $"stable:{projectId}:{Git!.RepositoryName}:{place}"
            : $"{name}:{projectId}:{place}";
    }

    /// <summary>The share of one builder where several take part. Its image is pushed by digest, because the tags will name the list of all shares.</summary>
    public BuildPlan ForBuilder(string architecture)
    {
        var platforms = Platforms.Where(platform => BuilderOf(platform, Platforms) == architecture).ToList();
        var attributes = new Dictionary<string, string>(Attributes, StringComparer.Ordinal)
        {
            ["platform"] = string.Join(',', platforms),

            // An index, even of one platform: its entries become those of the whole list, attestations included.
            ["multi-platform"] = "true",
        };
        return this with
        {
            Platforms = platforms,
            Architectures = [architecture],
            Attributes = attributes,
            Outputs = Outputs.Select(output => output.ForShare()).ToList(),
        };
    }

    /// <summary>The plan with the names under which the server keeps the image.</summary>
    public BuildPlan SavedAs(IReadOnlyList<string> names) => this with { Outputs = Outputs.Select(output => output.SavedAs(names)).ToList() };

    public bool Saves => Arguments.Save && Call is null;

    /// <summary>The plan with what does not go into the local Docker.</summary>
    public BuildPlan WithoutLoad() => Loads ? this with { Outputs = Outputs.Where(output => output.Target != OutputTarget.Docker).ToList() } : this;

    /// <summary>The plan with what is not for the sake of SBOMs.</summary>
    public BuildPlan WithoutSboms() => this with { Outputs = Outputs.Where(output => output.Target != OutputTarget.Sboms).ToList() };

    /// <summary>The plan for SBOMs alone.</summary>
    public BuildPlan ForSboms() => this with { CacheExports = [], Provenance = MetadataProvenance.None, Outputs = Outputs.Where(output => output.Target == OutputTarget.Sboms).ToList() };

    /// <summary>The plan for the image that the local Docker gets in a Solve of its own, of several platforms the one that it runs.</summary>
    public BuildPlan ForLoadOf(PlatformName docker)
    {
        var load = this with { CacheExports = [], Provenance = MetadataProvenance.None, Sboms = null, Outputs = Outputs.Where(output => output.Target == OutputTarget.Docker).ToList() };
        if (Platforms.Count < 2)
        {
            return load;
        }

        var platform = Platforms.FirstOrDefault(platform => platform == docker)
            ?? Platforms.FirstOrDefault(platform => (platform.Os, platform.Architecture) == (docker.Os, docker.Architecture))
            ?? throw new CliException($"failed to build: --load takes the platform of the local Docker, {docker}, which is not among {string.Join(',', Platforms)}")
            {
                Remedy = $"Add {docker} to --platform, name one platform only, or use --push.",
            };
        return load with
        {
            Platforms = [platform],
            Architectures = [BuilderOf(platform, Platforms)],
            Attributes = new Dictionary<string, string>(Attributes, StringComparer.Ordinal) { ["platform"] = platform.ToString() },
        };
    }

    /// <summary>The plan that only asks the frontend something, of one builder: nothing is built, exported or attested.</summary>
    public BuildPlan ForCall(CallSpec call)
    {
        var attributes = Attributes.Where(entry => !entry.Key.StartsWith("attest:", StringComparison.Ordinal)).ToDictionary(StringComparer.Ordinal);
        attributes["requestid"] = $"frontend.{call.Name}";
        attributes["frontend.caps"] = string.Join(',', attributes.GetValueOrDefault("frontend.caps", "")
            .Split(',', StringSplitOptions.RemoveEmptyEntries).Append("moby.buildkit.frontend.subrequests+forward"));
        return this with { Attributes = attributes, Architectures = [Architectures[0]], Outputs = [], CacheExports = [] };
    }

    private static IReadOnlyList<string> ChooseArchitectures(string buildPlatform, IReadOnlyList<PlatformName> platforms)
    {
        if (buildPlatform is not ("" or "dynamic"))
        {
            return buildPlatform switch
            {
                "linux/amd64" => ["amd64"],
                "linux/arm64" => ["arm64"],
                _ => throw new CliException($"invalid build platform: {buildPlatform} (must be one of: dynamic, linux/amd64, linux/arm64)"),
            };
        }

        var wanted = platforms.Select(platform => BuilderOf(platform, platforms)).Distinct().ToList();
        return wanted.Count == 0 ? [OwnArchitecture] : wanted.OrderBy(architecture => architecture == OwnArchitecture ? 0 : 1).ToList();
    }

    private static string OwnArchitecture => PlatformName.Local.BuilderArchitecture ?? "amd64";

    /// <summary>The builder for a platform. One that no builder runs itself is emulated on a builder that is needed anyway.</summary>
    private static string BuilderOf(PlatformName platform, IReadOnlyList<PlatformName> all)
    {
        if (platform.BuilderArchitecture is { } architecture)
        {
            return architecture;
        }

        var needed = all.Select(other => other.BuilderArchitecture).OfType<string>().ToList();
        return needed.Count == 0 || needed.Contains(OwnArchitecture) ? OwnArchitecture : needed[0];
    }

    public void Dispose() => Inputs.Dispose();
}
