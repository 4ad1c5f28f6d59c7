namespace Depot.Cli.ImageTools;

/// <summary><c>imagetools</c>: images as registries keep them, without any builder. What it says and prints is buildx's, whose place it takes.</summary>
internal static class ImageToolsCommands
{
    public static CliCommand Create() => new()
    {
        Name = "imagetools",
        Summary = "Commands to work on images in registry",
        NeedsChild = true,
        Hidden = true,
        Children = [InspectImageCommand.Create(), CreateImageCommand.Create()],
    };
}
