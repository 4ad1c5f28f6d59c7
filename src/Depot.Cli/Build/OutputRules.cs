using System.Globalization;
using Depot.Cli.Flags;

namespace Depot.Cli.Build;

/// <summary>From what the user asked for to the exporters of the build; the rules and texts are buildx's.</summary>
internal static class OutputRules
{
    private const string LocalDelete = "buildx.local.delete";

    public static IReadOnlyList<OutputPlan> Resolve(
        IEnumerable<OutputSpec> specs, BuildArguments arguments, bool standardOutputIsTerminal, string workingFolder)
    {
        var outputs = new List<OutputPlan>();
        foreach (var spec in specs)
        {
            if (outputs.Exists(output => output.Target == OutputTarget.StandardOutput) && GoesToStandardOutput(spec))
            {
                throw new CliException("multiple outputs configured to write to stdout");
            }

            outputs.Add(Place(spec, standardOutputIsTerminal, workingFolder));
        }

        if (outputs.Count(output => output.Target == OutputTarget.Layout) > 1)
        {
            // An exporter does not say which of them it is.
            throw new CliException("oci store key \"export\" already exists") { Remedy = "One output of a build can be a folder with tar=false." };
        }

        AddPush(outputs, arguments.Push);
        if (arguments.Save && !outputs.Exists(output => output.Type == "image"))
        {
            // Its names are the server's to give, when it has opened the build.
            outputs.Add(new OutputPlan("image", new(StringComparer.Ordinal), OutputTarget.Builder, ""));
        }

        if (arguments.Load && !outputs.Exists(output => output.Target == OutputTarget.Docker))
        {
            outputs.Add(Place(OutputSpec.Of("docker"), standardOutputIsTerminal, workingFolder));
        }

        if (arguments.SbomFolder.Length > 0)
        {
            // SBOMs are attestations of an image, and travel without its layers. What a builder keeps of an image without a name it may drop at once.
            outputs.Add(new OutputPlan("oci", new(StringComparer.Ordinal) { ["tar"] = "false" }, OutputTarget.Sboms, ""));
        }

        CheckDelete(outputs, arguments.Allow, workingFolder);
        foreach (var (key, value) in AnnotationSpec.ParseAll(arguments.Annotations))
        {
            outputs.ForEach(output => output.Attributes[key] = value);
        }

        AddNames(outputs, arguments.Tags);

        // cacheonly is no exporter: it says that nothing is wanted, and silences the warning about that.
        return outputs.Where(output => output.Type != "cacheonly").ToList();
    }

    private static bool GoesToStandardOutput(OutputSpec spec) =>
        spec.Destination == "-" || (spec.Destination.Length == 0 && IsFile(spec) && spec.Type != "docker");

    private static bool IsTar(OutputSpec spec) => FlagTable.TryParseBool(spec.Attributes.GetValueOrDefault("tar", "")) ?? true;

    private static bool IsFile(OutputSpec spec) => spec.Type == "tar" || (spec.Type is "oci" or "docker" && IsTar(spec));

    private static bool IsFolder(OutputSpec spec) => spec.Type == "local" || (spec.Type is "oci" or "docker" && !IsTar(spec));

    private static OutputPlan Place(OutputSpec spec, bool standardOutputIsTerminal, string workingFolder)
    {
        var attributes = new Dictionary<string, string>(spec.Attributes, StringComparer.Ordinal);
        if (IsFolder(spec))
        {
            return PlaceFolder(spec, attributes, workingFolder);
        }

        if (IsFile(spec))
        {
            return PlaceFile(spec, attributes, standardOutputIsTerminal, workingFolder);
        }

        if (spec.Type != "registry")
        {
            return new OutputPlan(spec.Type, attributes, OutputTarget.Builder, "");
        }

        attributes["push"] = "true";
        attributes.TryAdd("unpack", "false");
        return new OutputPlan("image", attributes, OutputTarget.Builder, "");
    }

    private static OutputPlan PlaceFolder(OutputSpec spec, Dictionary<string, string> attributes, string workingFolder)
    {
        if (spec.Destination is "" or "-")
        {
            throw new CliException(spec.Destination.Length == 0 ? $"dest is required for {spec.Type} exporter" : $"dest cannot be stdout for {spec.Type} exporter");
        }

        var path = Path.GetFullPath(spec.Destination, workingFolder);
        return File.Exists(path)
            ? throw new CliException($"destination directory {spec.Destination} is a file")
            : new OutputPlan(spec.Type, attributes, spec.Type == "local" ? OutputTarget.Folder : OutputTarget.Layout, path);
    }

    private static OutputPlan PlaceFile(
        OutputSpec spec, Dictionary<string, string> attributes, bool standardOutputIsTerminal, string workingFolder)
    {
        if (spec.Type == "docker" && spec.Destination.Length == 0)
        {
            return new OutputPlan(spec.Type, attributes, OutputTarget.Docker, "");
        }

        if (GoesToStandardOutput(spec))
        {
            return standardOutputIsTerminal
                ? throw new CliException($"dest file is required for {spec.Type} exporter. refusing to write to console")
                : new OutputPlan(spec.Type, attributes, OutputTarget.StandardOutput, "-");
        }

        var path = Path.GetFullPath(spec.Destination, workingFolder);
        return Directory.Exists(path)
            ? throw new CliException($"destination file {spec.Destination} is a directory")
            : new OutputPlan(spec.Type, attributes, OutputTarget.File, path);
    }

    private static void AddPush(List<OutputPlan> outputs, bool push)
    {
        if (!push)
        {
            return;
        }

        if (!outputs.Exists(output => output.Type == "image"))
        {
            outputs.Add(new OutputPlan("image", new(StringComparer.Ordinal), OutputTarget.Builder, ""));
        }

        foreach (var image in outputs.Where(output => output.Type == "image"))
        {
            image.Attributes["push"] = "true";
            image.Attributes.TryAdd("unpack", "false");
        }
    }

    private static void AddNames(List<OutputPlan> outputs, List<string> tags)
    {
        foreach (var tag in tags)
        {
            if (ImageReference.Problem(tag) is { } problem)
            {
                throw new CliException($"invalid tag {GoText.Quote(tag)}: {problem}");
            }
        }

        if (tags.Count == 0)
        {
            if (outputs.Exists(output => output.Pushes && output.Attributes.GetValueOrDefault("name", "").Length == 0))
            {
                throw new CliException("tag is needed when pushing to registry") { Remedy = "Name the image with --tag." };
            }

            return;
        }

        foreach (var output in outputs.Where(output => output.Type is "image" or "oci" or "docker"))
        {
            output.Attributes["name"] = string.Join(',', tags);
        }
    }

    /// <summary><c>mode=delete</c> empties its folder: outside the working folder it needs a word from the user.</summary>
    private static void CheckDelete(List<OutputPlan> outputs, List<string> allowed, string workingFolder)
    {
        foreach (var output in outputs.Where(output => output.Type == "local"))
        {
            var mode = output.Attributes.GetValueOrDefault("mode", "");
            if (mode is not ("" or "copy" or "delete"))
            {
                throw new CliException($"invalid local exporter mode {GoText.Quote(mode)}");
            }

            if (mode == "delete" && !allowed.Contains(LocalDelete) && !IsBelow(output.Destination, workingFolder))
            {
                throw new CliException(string.Create(CultureInfo.InvariantCulture,
                    $"local output mode=delete for destination {GoText.Quote(output.Destination)} requires --allow={LocalDelete}"));
            }
        }
    }

    private static bool IsBelow(string path, string folder)
    {
        var relative = Path.GetRelativePath(folder, path);
        return relative != "." && !Path.IsPathRooted(relative) && relative != ".." && !relative.StartsWith(".." + Path.DirectorySeparatorChar, StringComparison.Ordinal);
    }

    /// <summary>The entitlements that BuildKit is told about; unknown ones are refused.</summary>
    public static IReadOnlyList<string> Entitlements(IEnumerable<string> allowed) => allowed.Where(value => value.Length > 0 && value != LocalDelete)
        .Select(value => value is "network.host" or "security.insecure" or "device" || value.StartsWith("device=", StringComparison.Ordinal)
            ? value
            : throw new CliException(value.StartsWith(LocalDelete, StringComparison.Ordinal) ? $"{LocalDelete} does not accept a value" : $"unknown entitlement {value}"))
        .ToList();
}
