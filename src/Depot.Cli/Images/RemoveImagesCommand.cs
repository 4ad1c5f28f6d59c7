using Depot.Cli.ControlPlane;
using Depot.Cli.Settings;
using Slipway.Contract.Depot.Build.V1;

namespace Depot.Cli.Images;

/// <summary><c>depot image rm</c>.</summary>
internal static class RemoveImagesCommand
{
    public static CliCommand Create() => new()
    {
        Name = "rm",
        Aliases = ["remove", "delete"],
        Arguments = "[flags] TAG...",
        Summary = "Remove images from the registry by tag",
        Flags = () => new ListArguments().ProjectAndToken(),
        Run = RunAsync,
    };

    private static async Task<int> RunAsync(CliContext cli, string[] words, CancellationToken cancellation)
    {
        var arguments = new ListArguments();
        var tags = arguments.ProjectAndToken().Parse(words, cli.Warn);
        if (tags.Count == 0)
        {
            throw new CliException("requires at least 1 arg(s), only received 0") { Remedy = "Name the tags to remove; `depot image list` shows them." };
        }

        var project = ProjectChoice.Find(arguments.Project, cli.Settings, cli.WorkingFolder, [], cli.Warn)
            ?? throw new CliException("please specify a project ID") { Remedy = "Run `depot init`, or use --project or DEPOT_PROJECT_ID." };
        using var credentials = Credentials.Resolve(arguments.Token, cli);
        await using var api = cli.OpenImageApi();
        await api.DeleteImagesAsync(new DeleteImageRequest { ProjectId = project, ImageTags = { tags } }, credentials, cancellation);
        cli.Output.WriteLine(tags is [var only] ? $"Successfully deleted image with tag: {only}" : $"Successfully deleted {tags.Count} images");
        return ExitCode.Done;
    }
}
