namespace Depot.Cli.Images;

/// <summary><c>depot image</c>.</summary>
internal static class ImageCommands
{
    public static CliCommand Create() => new()
    {
        Name = "image",
        Summary = "Manage saved images in the server's registry",
        NeedsChild = true,
        Children = [ListImagesCommand.Create(), RemoveImagesCommand.Create()],
    };
}
