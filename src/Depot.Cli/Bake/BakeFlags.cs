using Depot.Cli.Flags;

namespace Depot.Cli.Bake;

/// <summary>The flags of <c>depot bake</c>: buildx's, then Depot's.</summary>
internal static class BakeFlags
{
    /// <summary>A table that writes into <paramref name="into"/>.</summary>
    public static FlagTable Table(BakeArguments into)
    {
        var table = new FlagTable();
        AddDefinition(table, into);
        AddExecution(table, into);
        AddDepot(table, into);
        return table;
    }

    private static void AddDefinition(FlagTable table, BakeArguments into) => table
        .Many("file", 'f', "Build definition file", into.Files)
        .Many("set", null, "Override target value (e.g., \"targetpattern.key=value\")", into.Overrides)
        .Many("var", null, "Set a variable value (e.g., \"name=value\")", into.Variables)
        .Switch("print", null, "Print the options without building", value => into.Print = value)
        .Text("list", null, "List targets or variables", value => into.List = value)
        .Switch("list-targets", null, "", value => into.List = value ? "targets" : into.List, hidden: true, warning: "Flag --list-targets has been deprecated, list-targets is deprecated, use list=targets instead")
        .Switch("list-variables", null, "", value => into.List = value ? "variables" : into.List, hidden: true, warning: "Flag --list-variables has been deprecated, list-variables is deprecated, use list=variables instead");

    private static void AddExecution(FlagTable table, BakeArguments into) => table
        .Many("allow", null, "Allow build to access specified resources", into.Allow)
        .Text("call", null, "Set method for evaluating build (\"check\", \"outline\", \"targets\") (default \"build\")", value => into.Call = value)
        .Switch("check", null, "Shorthand for \"--call=check\"", value => into.Call = value ? "check" : into.Call)
        .Switch("load", null, "Shorthand for \"--set=*.output=type=docker\". Conditional.", value => into.Load = value)
        .Text("metadata-file", null, "Write build result metadata to a file", value => into.MetadataFile = value)
        .Switch("no-cache", null, "Do not use cache when building the image", value => into.NoCache = value)
        .Text("progress", null, "Set type of progress output (\"auto\", \"none\", \"plain\", \"quiet\", \"rawjson\", \"tty\") (default \"auto\")", value => into.Progress = value)
        .Text("provenance", null, "Shorthand for \"--set=*.attest=type=provenance\"", value => into.Provenance = value)
        .Switch("pull", null, "Always attempt to pull all referenced images", value => into.Pull = value)
        .Switch("push", null, "Shorthand for \"--set=*.output=type=registry\". Conditional.", value => into.Push = value)
        .Text("sbom", null, "Shorthand for \"--set=*.attest=type=sbom\"", value => into.Sbom = value);

    private static void AddDepot(FlagTable table, BakeArguments into) => table
        .Text("build-platform", null, "Run builds on this platform (\"dynamic\", \"linux/amd64\", \"linux/arm64\") (default \"dynamic\")", value => into.BuildPlatform = value)
        .Switch("lint", null, "Check the Dockerfiles before they are built", value => into.Lint = value)
        .Text("lint-fail-on", null, "What of the check ends the build (\"info\", \"warn\", \"error\", \"none\") (default \"error\")", value => into.LintFailOn = value)
        .Text("project", null, "Depot project ID", value => into.Project = value)
        .Text("sbom-dir", null, "Directory that receives the images' SBOMs", value => into.SbomFolder = value)
        .Text("token", null, "Depot API token", value => into.Token = value)
        .Text("builder", null, "Accepted for scripts written for buildx; the project chooses the builder", _ => { }, hidden: true)
        .Switch("debug", 'D', "", _ => { }, hidden: true)
        .Switch("save", null, "Saves the build to the server's registry", value => into.Save = value)
        .Many("save-tag", null, "Additional custom tag for the saved image, use with --save", into.SaveTags)
        .Switch("suppress-no-output-warning", null, "", value => into.SuppressNoOutputWarning = value, hidden: true);
}
