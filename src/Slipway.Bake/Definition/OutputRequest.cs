namespace Slipway.Bake.Definition;

/// <summary>What <c>--push</c> and <c>--load</c> make of the outputs that a target has by itself.</summary>
internal static class OutputRequest
{
    public static List<OutputEntry>? Push(List<OutputEntry>? outputs, bool push)
    {
        if (!push)
        {
            return outputs is null ? null : [.. outputs.Where(output => output.Type != "registry").Select(output => output.Type == "image" ? WithPush(output, "false") : output)];
        }

        var all = (outputs ?? []).Select(output => output.Type == "image" ? WithPush(output, "true") : output).ToList();
        return all.TrueForAll(output => output.Type == "docker") ? [.. all, OutputEntry.Of("image", ("push", "true"))] : all;
    }

    public static List<OutputEntry> Load(List<OutputEntry>? outputs)
    {
        var all = outputs ?? [];
        var already = all.Exists(output => output.Type == "docker" && output.Destination.Length == 0);
        return already || all.Exists(output => output.Type is not ("docker" or "image" or "registry" or "oci")) ? all : [.. all, OutputEntry.Of("docker")];
    }

    private static OutputEntry WithPush(OutputEntry output, string push) =>
        output with { Attributes = new(output.Attributes, StringComparer.Ordinal) { ["push"] = push } };
}
