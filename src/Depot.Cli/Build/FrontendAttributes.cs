using System.Globalization;
using Depot.Cli.Flags;
using Depot.Cli.Settings;

namespace Depot.Cli.Build;

/// <summary>What the Dockerfile frontend is told, attribute by attribute, as buildx tells it.</summary>
internal static class FrontendAttributes
{
    public static Dictionary<string, string> Of(ParsedArguments parsed, IReadOnlyList<PlatformName> platforms, CliSettings settings)
    {
        var arguments = parsed.Arguments;
        var attributes = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in parsed.BuildArgs)
        {
            attributes[$"build-arg:{name}"] = value;
        }

        foreach (var (name, value) in parsed.Labels)
        {
            attributes[$"label:{name}"] = value;
        }

        AddSpecialBuildArgs(attributes, parsed.BuildArgs);
        AddAttestations(attributes, parsed.Attestations, settings);
        AddNetwork(attributes, arguments.Network);
        SetUnlessEmpty(attributes, "target", arguments.Target);
        SetUnlessEmpty(attributes, "cgroup-parent", arguments.CgroupParent);
        SetUnlessEmpty(attributes, "platform", string.Join(',', platforms));
        SetUnlessEmpty(attributes, "add-hosts", ExtraHosts.Format(arguments.AddHosts));
        SetUnlessEmpty(attributes, "ulimit", string.Join(',', arguments.Ulimits));
        SetUnlessEmpty(attributes, "shm-size", arguments.ShmSizeBytes > 0 ? arguments.ShmSizeBytes.ToString(CultureInfo.InvariantCulture) : "");
        SetUnlessEmpty(attributes, "no-cache", string.Join(',', arguments.NoCacheFilter));
        SetUnlessEmpty(attributes, "image-resolve-mode", arguments.Pull ? "pull" : "");
        if (arguments.NoCache)
        {
            attributes["no-cache"] = "";
        }

        return attributes;
    }

    /// <summary>Commit, remote and places of a git work tree; with <c>BUILDX_GIT_LABELS</c> also as labels.</summary>
    public static void AddGit(Dictionary<string, string> attributes, GitFacts? git, BuildInputs inputs, CliSettings settings)
    {
        if (git is null)
        {
            return;
        }

        if (settings.SendGitLabels)
        {
            SetUnlessEmpty(attributes, "label:org.opencontainers.image.revision", git.Commit ?? "");
            SetUnlessEmpty(attributes, "label:org.opencontainers.image.source", git.RemoteUrl ?? "");
            SetUnlessEmpty(attributes, "label:com.docker.image.source.entrypoint", inputs.DockerfilePath is { } file ? git.RelativePath(file) ?? "" : "");
        }

        if (!settings.SendGitInfo)
        {
            return;
        }

        SetUnlessEmpty(attributes, "vcs:revision", git.Commit ?? "");
        SetUnlessEmpty(attributes, "vcs:source", git.RemoteUrl ?? "");
        foreach (var (name, folder) in inputs.Folders)
        {
            SetUnlessEmpty(attributes, $"vcs:localdir:{name}", git.RelativePath(folder) ?? "");
        }
    }

    /// <summary>The proxies of Docker's settings, as build arguments that the user has not set.</summary>
    public static void AddProxies(Dictionary<string, string> attributes, IEnumerable<KeyValuePair<string, string>> buildArguments)
    {
        var given = attributes.Keys.ToHashSet(StringComparer.OrdinalIgnoreCase);
        foreach (var (name, value) in buildArguments)
        {
            if (!given.Contains($"build-arg:{name}"))
            {
                attributes[$"build-arg:{name}"] = value;
            }
        }
    }

    private static void AddSpecialBuildArgs(Dictionary<string, string> attributes, IReadOnlyDictionary<string, string> buildArgs)
    {
        if (buildArgs.TryGetValue("BUILDKIT_SYNTAX", out var syntax))
        {
            var commandLine = syntax.Trim();
            if (commandLine.Length == 0)
            {
                throw new CliException("empty BUILDKIT_SYNTAX build-arg is invalid, use --build-arg BUILDKIT_SYNTAX without '=' for optional behavior");
            }

            attributes["source"] = commandLine.Split(' ', 2)[0];
            attributes["cmdline"] = syntax;
        }

        if (FlagTable.TryParseBool(buildArgs.GetValueOrDefault("BUILDKIT_MULTI_PLATFORM", "")) == true)
        {
            attributes["multi-platform"] = "true";
        }
    }

    private static void AddAttestations(Dictionary<string, string> attributes, IReadOnlyDictionary<string, string?> wanted, CliSettings settings)
    {
        foreach (var (type, value) in wanted)
        {
            if (value is not null)
            {
                attributes[$"attest:{type}"] = value;
            }
        }

        if (!wanted.ContainsKey("provenance") && !settings.NoDefaultAttestations)
        {
            attributes["attest:provenance"] = "mode=min,inline-only=true";
        }
    }

    private static void AddNetwork(Dictionary<string, string> attributes, string mode)
    {
        if (mode is "host" or "none")
        {
            attributes["force-network-mode"] = mode;
        }
        else if (mode is not ("" or "default"))
        {
            throw new CliException($"network mode {GoText.Quote(mode)} not supported by buildkit")
            {
                Remedy = "Use default, host or none.",
            };
        }
    }

    private static void SetUnlessEmpty(Dictionary<string, string> attributes, string key, string value)
    {
        if (value.Length > 0)
        {
            attributes[key] = value;
        }
    }
}
