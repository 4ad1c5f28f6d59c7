using Slipway.BuildKit.Wire.Control;

namespace Depot.Cli.Bake;

/// <summary>Says in every step's name which target it belongs to, as buildx does.</summary>
internal static class TargetProgress
{
    /// <param name="target">Null where there is only one.</param>
    public static Action<StatusResponse> Named(Action<StatusResponse> write, string? target)
    {
        if (target is null)
        {
            return write;
        }

        return status =>
        {
            foreach (var vertex in status.Vertexes)
            {
                vertex.Name = Prefixed(vertex.Name, target);
                if (vertex.ProgressGroup is { } group)
                {
                    group.Name = Prefixed(group.Name, target);
                }
            }

            write(status);
        };
    }

    private static string Prefixed(string name, string target) =>
        name.StartsWith('[') ? $"[{target} {name[1..]}" : $"[{target}] {name}";
}
