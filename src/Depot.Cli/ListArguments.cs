using Depot.Cli.Flags;

namespace Depot.Cli;

/// <summary>The flags of the listing commands.</summary>
internal sealed class ListArguments
{
    public string Output { get; set; } = "";

    public string Project { get; set; } = "";

    public string Token { get; set; } = "";

    /// <summary>The flags that every listing has.</summary>
    public FlagTable Table() => new FlagTable()
        .Text("output", null, "Non-interactive output format (json, csv)", value => Output = value)
        .Text("token", null, "Depot API token", value => Token = value);

    /// <summary>Those of a listing of what a project has.</summary>
    public FlagTable TableOfProject() => Table().Text("project", null, "Depot project ID", value => Project = value);

    /// <summary>Those of a command on a project that lists nothing.</summary>
    public FlagTable ProjectAndToken() => new FlagTable()
        .Text("project", null, "Depot project ID", value => Project = value)
        .Text("token", null, "Depot API token", value => Token = value);
}
