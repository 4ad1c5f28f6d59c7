using Depot.Cli.Build;
using Depot.Cli.Flags;
using Slipway.BuildKit.Progress;

namespace Depot.Cli.ImageTools;

/// <summary><c>imagetools inspect</c>: what a registry has under a name.</summary>
internal static class InspectImageCommand
{
    private const string Usage = "[OPTIONS] NAME";

    public static CliCommand Create() => new()
    {
        Name = "inspect",
        Arguments = Usage,
        Summary = "Show details of an image in the registry",
        ErrorPrefix = "ERROR:",
        Flags = () => Table(new Arguments()),
        Run = RunAsync,
    };

    private static FlagTable Table(Arguments into) => new FlagTable()
        .Text("format", null, "Format the output using the given Go template (fields, json, index)", value => into.Format = value)
        .Switch("raw", null, "Show original, unformatted JSON manifest", value => into.Raw = value)
        .Text("builder", null, "", _ => { }, hidden: true)
        .Switch("debug", 'D', "", _ => { }, hidden: true);

    private static async Task<int> RunAsync(CliContext cli, string[] words, CancellationToken cancellation)
    {
        var arguments = new Arguments();
        if (Table(arguments).Parse(words, cli.Warn) is not [var name])
        {
            throw new CliException(
                $"docker: 'docker buildx imagetools inspect' requires 1 argument\n\nUsage:  docker buildx imagetools inspect {Usage}\n\nRun 'docker buildx imagetools inspect --help' for more information");
        }

        if (arguments is { Raw: true, Format.Length: > 0 })
        {
            throw new CliException("format and raw cannot be used together");
        }

        using var logins = new RegistryLogins(cli, new VertexWriter(_ => { }, cli.Clock), errorPrefix: "");
        var store = new ImageStore(logins.Registries);
        var image = await store.GetAsync(ImageName.Parse(name), cancellation);

        // buildx prints its table for everything that begins so, whatever field is named.
        cli.Output.Write(arguments.Raw ? image.Text
            : arguments.Format.Length == 0 || arguments.Format.StartsWith("{{.Manifest", StringComparison.Ordinal) ? ImageTable.Write(image)
            : await new ImageTemplate(arguments.Format).WriteAsync(new ImageFields(store, name, image), cancellation));
        return ExitCode.Done;
    }

    private sealed class Arguments
    {
        public string Format { get; set; } = "";

        public bool Raw { get; set; }
    }
}
