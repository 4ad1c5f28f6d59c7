namespace Depot.Cli.Registry;

/// <summary>The commands that need the server's own registry. They are known, so that a script is told what is missing and not that it made a mistake.</summary>
internal static class RegistryCommands
{
    public static CliCommand Image { get; } = new()
    {
        Name = "image",
        Summary = "Manage container images in the server's registry (not there yet)",
        NeedsChild = true,
        Children = [Absent("image", "list", "List images", ["ls"]), Absent("image", "rm", "Remove images by tag", ["remove", "delete"])],
    };

    public static CliCommand Pull { get; } = Absent("", "pull", "Pull a saved build from the server's registry (not there yet)");

    public static CliCommand PullToken { get; } = Absent("", "pull-token", "Make a token for the server's registry (not there yet)");

    public static CliCommand Push { get; } = Absent("", "push", "Push a saved build to another registry (not there yet)");

    private static CliCommand Absent(string parent, string name, string summary, IReadOnlyList<string>? aliases = null) => new()
    {
        Name = name,
        Aliases = aliases ?? [],
        Summary = summary,
        Run = (_, _, _) => throw new CliException($"`depot {parent}{(parent.Length > 0 ? " " : "")}{name}` needs the registry of the server, which this version does not have yet")
        {
            Remedy = "Push the image to a registry of yours when you build it: depot build --push -t REGISTRY/NAME:TAG.",
        },
    };
}
