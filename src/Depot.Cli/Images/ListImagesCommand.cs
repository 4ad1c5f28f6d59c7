using System.Globalization;
using Depot.Cli.ControlPlane;
using Depot.Cli.Rendering;
using Depot.Cli.Settings;
using Slipway.Contract.Depot.Build.V1;

namespace Depot.Cli.Images;

/// <summary><c>depot image list</c>.</summary>
internal static class ListImagesCommand
{
    private const int PageSize = 100;

    public static CliCommand Create() => new()
    {
        Name = "list",
        Aliases = ["ls"],
        Summary = "List images in the registry, the newest first",
        Flags = () => new ListArguments().TableOfProject(),
        Run = RunAsync,
    };

    private static async Task<int> RunAsync(CliContext cli, string[] words, CancellationToken cancellation)
    {
        var arguments = new ListArguments();
        arguments.TableOfProject().ParseAll("depot image list", words, cli.Warn);
        var format = Listing.ParseFormat(arguments.Output, cli);
        var project = ProjectChoice.Require(arguments.Project, cli, []);
        using var credentials = Credentials.Resolve(arguments.Token, cli);
        var images = await AllAsync(cli, project, credentials, cancellation);
        if (images.Count == 0)
        {
            cli.Output.WriteLine("No images found");
            return ExitCode.Done;
        }

        return Listing.Write(cli, format, new Table<Image>(format == "table" ? ForPeople : ForPrograms, images));
    }

    private static async Task<List<Image>> AllAsync(CliContext cli, string project, Credentials credentials, CancellationToken cancellation)
    {
        await using var api = cli.OpenImageApi();
        var images = new List<Image>();
        var request = new ListImagesRequest { ProjectId = project, PageSize = PageSize };
        do
        {
            var page = await api.ListImagesAsync(request, credentials, cancellation);
            images.AddRange(page.Images);
            request.PageToken = page.NextPageToken;
        }
        while (request.PageToken.Length > 0);

        return images;
    }

    private static TableColumn<Image>[] ForPrograms =>
    [
        new("Tag", "tag", image => image.Tag),
        new("Digest", "digest", image => image.Digest),
        TableColumn<Image>.OfNumber("Size (bytes)", "size_bytes", image => (long)image.SizeBytes),
        new("Pushed At", "pushed_at", PushedAt) { Has = image => image.PushedAt is not null },
    ];

    private static TableColumn<Image>[] ForPeople =>
    [
        new("Tag", "tag", image => image.Tag),
        new("Size", "size", image => SizeText.Format((long)image.SizeBytes)),
        new("Pushed", "pushed_at", image => PushedAt(image) is { Length: > 0 } time ? time : "-"),
        new("Digest", "digest", image => image.Digest),
    ];

    private static string PushedAt(Image image) =>
        image.PushedAt?.ToDateTimeOffset().ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture) ?? "";
}
