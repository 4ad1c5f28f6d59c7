using Depot.Cli.Build;
using Depot.Cli.Flags;
using Depot.Cli.Rendering;
using Slipway.BuildKit.Progress;

namespace Depot.Cli.ImageTools;

/// <summary><c>imagetools create</c>: a new image out of images that registries have.</summary>
internal static class CreateImageCommand
{
    public static CliCommand Create() => new()
    {
        Name = "create",
        Arguments = "[OPTIONS] [SOURCE...]",
        Summary = "Create a new image based on source images",
        ErrorPrefix = "ERROR:",
        Flags = () => Table(new CreateImageArguments()),
        Run = RunAsync,
    };

    private static FlagTable Table(CreateImageArguments into) => new FlagTable()
        .Many("annotation", null, "Add annotation to the image", into.Annotations)
        .Switch("append", null, "Append to existing manifest", value => into.Append = value)
        .Switch("dry-run", null, "Show final image instead of pushing", value => into.DryRun = value)
        .Many("file", 'f', "Read source descriptor from file", into.Files)
        .Many("platform", 'p', "Filter specified platforms of target image", into.Platforms)
        .Switch("prefer-index", null, "When only a single source is specified, prefer outputting an image index (default true)", value => into.PrefersIndex = value)
        .Text("progress", null, "Set type of progress output (\"auto\", \"none\", \"plain\", \"rawjson\", \"tty\") (default \"auto\")", value => into.Progress = value)
        .Many("tag", 't', "Set reference for new image", into.Tags)
        .Text("builder", null, "", _ => { }, hidden: true)
        .Switch("debug", 'D', "", _ => { }, hidden: true);

    private static async Task<int> RunAsync(CliContext cli, string[] words, CancellationToken cancellation)
    {
        var arguments = new CreateImageArguments();
        arguments.Sources.AddRange(Table(arguments).Parse(words, cli.Warn));
        arguments.Check();
        var mode = ProgressModes.Parse(arguments.Progress, cli.Settings.Progress, quiet: arguments.DryRun);
        await using var display = ProgressRenderers.Create(mode, cli.Terminal, header: "", cli.Clock, shortHeader: "imagetools", cli.Uploads);
        var steps = new VertexWriter(display.Write, cli.Clock);
        using var logins = new RegistryLogins(cli, steps, errorPrefix: "");
        var store = new ImageStore(logins.Registries);
        var combination = await ImageCombination.OfAsync(store, arguments.ReadSources(cli.WorkingFolder), arguments, cancellation);
        if (arguments.DryRun)
        {
            await display.CompleteAsync();
            cli.Output.Write($"{System.Text.Encoding.UTF8.GetString(combination.Document.Content)}\n");
            return ExitCode.Done;
        }

        try
        {
            await Task.WhenAll(arguments.Tags.Select(tag => PushAsync(store, combination, ImageName.Parse(tag), steps, cancellation)));
        }
        finally
        {
            await display.CompleteAsync();
        }

        return ExitCode.Done;
    }

    private static Task PushAsync(ImageStore store, ImageCombination combination, ImageName tag, VertexWriter steps, CancellationToken cancellation) =>
        steps.RunAsync($"[internal] pushing {tag.Text}", async step =>
        {
            foreach (var source in combination.Parts.Where(part => !part.SharesRepositoryWith(tag)))
            {
                step.Log($"copying {source.Reference} from {source.Place} to {tag.Text}\n");
                await store.CopyAsync(source, tag, cancellation);
            }

            step.Log($"pushing {combination.Document.Digest} to {tag.Text}\n");
            await store.PutAsync(tag, combination.Document, cancellation);
        });
}
