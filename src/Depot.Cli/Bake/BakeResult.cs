using System.Text.Json;
using Depot.Cli.Build;
using Slipway.BuildKit.Wire.Control;

namespace Depot.Cli.Bake;

/// <summary>What came of one target.</summary>
/// <param name="Answer">Instead of a result, where the target was only asked something.</param>
internal sealed record BakeResult(BakeTarget Target, BuildResult Result, RemoteBuild Build, CallAnswer? Answer = null)
{
    /// <summary>The metadata file: one object per target, whatever its project.</summary>
    public static byte[] Metadata(IEnumerable<BakeResult> results, IReadOnlyList<VertexWarning> warnings)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, BuildResult.Indented))
        {
            json.WriteStartObject();
            foreach (var result in results.DistinctBy(result => result.Target.Name).OrderBy(result => result.Target.Name, StringComparer.Ordinal))
            {
                json.WriteStartObject(result.Target.Name);
                result.Result.WriteEntries(json, result.Build.Id, result.Build.ProjectId);
                json.WriteEndObject();
            }

            BuildResult.WriteWarnings(json, warnings);

            json.WriteEndObject();
        }

        return buffer.ToArray();
    }
}
