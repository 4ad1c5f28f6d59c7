using Depot.Cli.Build;
using Depot.Cli.Rendering;
using Slipway.Bake.Definition;
using Slipway.BuildKit.Control;
using Slipway.BuildKit.Progress;
using Slipway.BuildKit.Wire.Control;

namespace Depot.Cli.Bake;

/// <summary><c>depot bake</c>: read definitions, resolve the targets that are wanted, and print, list or build them.</summary>
internal static class BakeCommand
{
    private const string Usage = "[OPTIONS] [TARGET...]";

    public static CliCommand Create() => new()
    {
        Name = "bake",
        Aliases = ["f"],
        Arguments = Usage,
        Summary = "Build from a file, on remote builders",
        ErrorPrefix = "ERROR:",
        Flags = () => BakeFlags.Table(new BakeArguments()),
        Run = RunAsync,
    };

    internal static BakeArguments ReadArguments(string[] words, CliContext cli)
    {
        var arguments = new BakeArguments();
        arguments.Targets.AddRange(BakeFlags.Table(arguments).Parse(words, text => cli.Error.WriteLine(text)));
        arguments.Save |= arguments.SaveTags.Count > 0;
        if (arguments.Print && arguments.List.Length > 0)
        {
            throw new CliException("--print and --list are mutually exclusive");
        }

        if (arguments.Files.Count == 0)
        {
            arguments.Files.AddRange(cli.Settings.BakeFiles);
            arguments.FilesFromEnvironment = arguments.Files.Count > 0;
        }

        return arguments;
    }

    private static async Task<int> RunAsync(CliContext cli, string[] words, CancellationToken cancellation)
    {
        var arguments = ReadArguments(words, cli);
        if (arguments is { Print: false, List.Length: 0 })
        {
            BuilderTransport.Prepare();
        }

        var mode = ProgressModes.Parse(arguments.Progress, cli.Settings.Progress, quiet: false);
        var source = DefinitionSource.Of(arguments);
        await using var display = ProgressRenderers.Create(mode, cli.Terminal, header: "", cli.Clock, shortHeader: "depot", cli.Uploads);
        var steps = new VertexWriter(display.Write, cli.Clock);
        var definition = BakeFault.Explained(Read(await source.ReadAsync(cli, arguments, steps, cancellation), arguments, source, cli));
        if (arguments.List.Length > 0)
        {
            await display.CompleteAsync();
            cli.Output.Write(DefinitionListing.Parse(arguments.List).Write(definition));
            return ExitCode.Done;
        }

        var request = BakeFault.Explained(() => BakeRequest.Resolve(definition, arguments, source, cli.Settings));
        if (arguments.Print)
        {
            await display.CompleteAsync();
            cli.Output.Write(DefinitionJson.Write(request.Plan));
            return ExitCode.Done;
        }

        if (!cli.StandsInForBuildx)
        {
            request.Plan.NameImages();
        }

        await BakePermissions.CheckAsync(cli, request, source, mode, display, cancellation);
        var run = new BakeRun(cli, arguments, request.Plan);
        return Deliver(cli, arguments, request.Plan, await run.RunAsync(display, cancellation), run.Warnings.All);
    }

    private static int Deliver(CliContext cli, BakeArguments arguments, BakePlan plan, IReadOnlyList<BakeResult> results, IReadOnlyList<VertexWarning> warnings)
    {
        if (arguments.MetadataFile.Length > 0)
        {
            BuildResult.WriteMetadata(Path.GetFullPath(arguments.MetadataFile, cli.WorkingFolder), BakeResult.Metadata(results, warnings));
        }

        foreach (var saved in results.Where(result => result.Target.Plan.Saves).GroupBy(result => result.Build))
        {
            SaveSummary.Print(cli, saved.Key, [.. saved.Select(result => result.Target.Name).Order(StringComparer.Ordinal)]);
        }

        foreach (var result in results.Where(result => result.Result.Message is not null))
        {
            cli.Output.WriteLine($"\n# {result.Target.Name}\n{result.Result.Message}");
        }

        return BakeAnswers.Print(cli, plan, results);
    }

    private static Func<BakeDefinition> Read(IReadOnlyList<BakeFile> files, BakeArguments arguments, DefinitionSource source, CliContext cli)
    {
        if (files.Count == 0)
        {
            throw new CliException("couldn't find a bake definition") { Remedy = $"Name one with --file, or write one of: {string.Join(", ", DefinitionFiles.DefaultNames)}." };
        }

        return () => BakeDefinition.Read(files, source.Inputs(arguments, cli));
    }
}
