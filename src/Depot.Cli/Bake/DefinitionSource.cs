using Depot.Cli.Build;
using Slipway.Bake.Definition;
using Slipway.Bake.Functions;
using Slipway.BuildKit.Progress;

namespace Depot.Cli.Bake;

/// <summary>Where the definition comes from: this machine, or an address that is the first of the targets' words.</summary>
/// <param name="Url">The address; empty for this machine.</param>
/// <param name="CommandContext">What <c>BAKE_CMD_CONTEXT</c> says: this machine's folder, or a second address.</param>
/// <param name="Targets">The words that are left.</param>
internal sealed record DefinitionSource(string Url, string CommandContext, IReadOnlyList<string> Targets)
{
    private const string Here = "cwd://";

    public static DefinitionSource Of(BakeArguments arguments) => arguments.Targets switch
    {
        [var url, var context, .. var rest] when RemoteSource.IsRemote(url) && RemoteSource.IsRemote(context) => new(url, context, Named(rest)),
        [var url, .. var rest] when RemoteSource.IsRemote(url) => new(url, Here, Named(rest)),
        _ => new("", Here, Named(arguments.Targets)),
    };

    public BakeInputs Inputs(BakeArguments arguments, CliContext cli) => new()
    {
        Variable = cli.Settings.Variable,
        WorkingFolder = cli.WorkingFolder,
        Home = cli.Settings.Home,
        Clock = cli.Clock,
        Given = Given(arguments.Variables),
        BuiltIn = new Dictionary<string, string>
        {
            ["BAKE_CMD_CONTEXT"] = CommandContext,
            ["BAKE_LOCAL_PLATFORM"] = PlatformName.Local.ToString(),
        },
    };

    /// <summary>Remote files first, then those that are named as this machine's (<c>cwd://</c>).</summary>
    public async Task<IReadOnlyList<BakeFile>> ReadAsync(CliContext cli, BakeArguments arguments, VertexWriter steps, CancellationToken cancellation)
    {
        var named = arguments.Files.ToLookup(name => Url.Length == 0 || name.StartsWith(Here, StringComparison.Ordinal));
        var files = new List<BakeFile>();
        if (Url.Length > 0)
        {
            files.AddRange(await steps.RunAsync("[internal] load remote bake definitions", step => RemoteDefinition.ReadAsync(cli, Url, [.. named[false]], step, cancellation)));
        }

        if (Url.Length == 0 || named[true].Any())
        {
            var local = named[true].Select(name => name.StartsWith(Here, StringComparison.Ordinal) ? name[Here.Length..] : name).ToList();
            var where = arguments.FilesFromEnvironment ? " from BUILDX_BAKE_FILE env" : "";
            files.AddRange(await steps.RunAsync($"[internal] load local bake definitions{where}", step => DefinitionFiles.ReadAsync(cli, local, step, cancellation)));
        }

        return files;
    }

    /// <summary>A path that the definition means in its own place: in its repository, where it comes from one.</summary>
    public string Locate(string path) => GitAddress.Parse(Url) is not { } address || IsElsewhere(path) ? path
        : PathFunctions.Clean(path) == "." ? Url
        : address.Below(path);

    private static bool IsElsewhere(string path) => path.StartsWith(Here, StringComparison.Ordinal) || TargetArguments.IsLink(path)
        || path.StartsWith("docker-image:", StringComparison.Ordinal) || RemoteSource.IsRemote(path);

    private static IReadOnlyList<string> Named(IReadOnlyList<string> words) => words.Count > 0 ? words : ["default"];

    private static Dictionary<string, string> Given(IEnumerable<string> flags)
    {
        var given = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var flag in flags)
        {
            var equals = flag.IndexOf('=', StringComparison.Ordinal);
            given[equals > 0 ? flag[..equals] : throw new CliException($"invalid variable {flag}, expected name=value")] = flag[(equals + 1)..];
        }

        return given;
    }
}
