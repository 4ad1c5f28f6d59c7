using Depot.Cli.Flags;

namespace Depot.Cli.Images;

/// <summary>What was said on the command line of <c>depot pull</c> and <c>depot push</c>.</summary>
internal sealed class PullArguments
{
    public string Platform { get; set; } = "";

    public string Progress { get; set; } = "auto";

    public string Project { get; set; } = "";

    public List<string> Tags { get; } = [];

    public List<string> Targets { get; } = [];

    public string Token { get; set; } = "";

    public FlagTable ForPull() => Common()
        .Text("platform", null, "Pulls image for specific platform (\"linux/amd64\", \"linux/arm64\")", value => Platform = value)
        .Csv("tag", 't', "Optional tags to apply to the image", Tags)
        .Csv("target", null, "Pulls image for specific bake targets", Targets);

    public FlagTable ForPush() => Common()
        .Many("tag", 't', "Name and tag for the pushed image (format: \"name:tag\")", Tags)
        .Text("target", null, "bake target", value => Targets.Add(value));

    private FlagTable Common() => new FlagTable()
        .Text("progress", null, "Set type of progress output (\"auto\", \"plain\", \"tty\", \"quiet\")", value => Progress = value)
        .Text("project", null, "Depot project ID", value => Project = value)
        .Text("token", null, "Depot API token", value => Token = value);
}
