using Slipway.Bake.Compose;
using Slipway.Bake.Hcl;

namespace Slipway.Bake.Definition;

/// <summary>Finds out what a file is written in: its name says so, or else its text.</summary>
internal static class Notation
{
    /// <returns>Null for a Compose file.</returns>
    /// <exception cref="HclException">It is none of the three.</exception>
    public static HclBody? Of(BakeFile file, BakeInputs inputs)
    {
        var source = new SourceText(file.Name, file.Text);
        return Path.GetExtension(file.Name).ToLowerInvariant() switch
        {
            ".yml" or ".yaml" => null,
            ".json" => JsonBody.ParseFile(source),
            ".hcl" => HclParser.ParseFile(source),
            _ => ComposeDefinition.IsCompose(file, inputs) ? null : Guessed(source),
        };
    }

    private static HclBody Guessed(SourceText source)
    {
        try
        {
            return HclParser.ParseFile(source);
        }
        catch (HclException) when (source.Text.TrimStart().StartsWith('{'))
        {
            // JSON begins with a brace, which no HCL file does.
            return JsonBody.ParseFile(source);
        }
    }
}
