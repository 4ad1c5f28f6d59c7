using System.Text;
using System.Text.RegularExpressions;
using Google.Protobuf;
using Slipway.Contract;
using Slipway.Contract.Connect;
using Slipway.Contract.Depot.Cli.V1;
using Build = Slipway.Server.Builds.Build;

namespace Slipway.Server.Registry;

/// <summary>What of a build is saved (<c>--save</c>): under which names, with whose login, and what whoever pulls it is told later.</summary>
internal sealed partial class SavedImages(ImageRegistry registry)
{
    private const int SaveTagsMax = 20;

    /// <summary>The user of every login at the registry: the password says who it is.</summary>
    public const string User = "x-token";

    private static readonly JsonFormatter Format = new(JsonFormatter.Settings.Default);
    private static readonly JsonParser Parse = new(JsonParser.Settings.Default.WithIgnoreUnknownFields(true));

    /// <summary>What is kept of a build's options; null for a build that is not saved.</summary>
    /// <exception cref="ApiException">It cannot be saved here, or not so.</exception>
    public string? Read(IEnumerable<BuildOptions> options)
    {
        var saved = options.Where(option => option.Save).Select(Kept).ToList();
        if (saved.Count == 0)
        {
            return null;
        }

        _ = registry.Required;
        var tags = saved.SelectMany(option => option.SaveTags).Distinct(StringComparer.Ordinal).ToList();
        if (tags.Count > SaveTagsMax)
        {
            throw new ApiException(ConnectCode.InvalidArgument, $"{tags.Count} save tags are too many", $"at most {SaveTagsMax}");
        }

        tags.ForEach(Check);
        return Format.Format(new CreateBuildRequest { Options = { saved } });
    }

    public static IReadOnlyList<BuildOptions> OptionsOf(Build build) =>
        build.Saved is { } saved ? Parse.Parse<CreateBuildRequest>(saved).Options : [];

    /// <summary>Tells the client of a new build where to push, and lets it: with the build's own token, which counts while the build runs.</summary>
    public void Describe(Build build, string buildToken, CreateBuildResponse response)
    {
        if (build.Saved is null)
        {
            return;
        }

        var repository = ImageRepository.Of(build);
        response.AdditionalTags.AddRange(TagsOf(build.Id, OptionsOf(build)).Select(tag => new CreateBuildResponse.Types.Tag { Tag_ = registry.NameOf(repository, tag), Push = true }));
        response.AdditionalCredentials.Add(new CreateBuildResponse.Types.Credential
        {
            Host = registry.Host,
            Token = Convert.ToBase64String(Encoding.UTF8.GetBytes($"{User}:{buildToken}")),
        });
    }

    /// <summary>Every name that the build may have in its repository.</summary>
    public static IEnumerable<string> NamesOf(Build build)
    {
        var options = OptionsOf(build);
        var targets = options.Where(option => option.Command == Command.Bake).Select(option => option.TargetName).ToList();
        return targets.Count == 0 ? TagsOf(build.Id, options) : TagsOf(build.Id, options).SelectMany(tag => targets.Select(target => $"{tag}-{target}"));
    }

    /// <summary>The build's id first. To each, clients add the names of a bake's targets.</summary>
    private static IEnumerable<string> TagsOf(string buildId, IEnumerable<BuildOptions> options) =>
        options.SelectMany(option => option.SaveTags).Distinct(StringComparer.Ordinal).Prepend(buildId);

    // What was built, and what it is called: nothing of outputs, whose attributes may hold anything.
    private static BuildOptions Kept(BuildOptions option)
    {
        var kept = option.Clone();
        kept.Outputs.Clear();
        return kept;
    }

    private static void Check(string tag)
    {
        if (!TagPattern().IsMatch(tag))
        {
            throw new ApiException(ConnectCode.InvalidArgument, $"\"{tag.Clip(40)}\" cannot be a save tag", "use letters, digits, \".\", \"_\" and \"-\"");
        }

        // Another build's image must not be replaced by its name.
        if (BuildIdPattern().IsMatch(tag))
        {
            throw new ApiException(ConnectCode.InvalidArgument, $"the save tag \"{tag}\" looks like a build's id", "choose another one");
        }
    }

    // The OCI distribution specification, "Pulling manifests"; room is left for "-TARGET".
    [GeneratedRegex("^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$")]
    private static partial Regex TagPattern();

    // Storage/Ids.cs.
    [GeneratedRegex("^b[2-9a-hj-km-np-z]{10}(-|$)")]
    private static partial Regex BuildIdPattern();
}
