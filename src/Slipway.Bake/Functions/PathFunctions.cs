using Slipway.Bake.Values;

namespace Slipway.Bake.Functions;

/// <summary>Paths, always with slashes.</summary>
internal static class PathFunctions
{
    public static void AddTo(FunctionTable table, string home)
    {
        table.Define("basename", args => HclValue.Of(BaseName(args[0].Text)), FunctionTable.Text("path"));
        table.Define("dirname", args => HclValue.Of(Folder(args[0].Text)), FunctionTable.Text("path"));
        table.Define("homedir", _ => HclValue.Of(home));
    }

    /// <summary>Without dots and doubled slashes, as Go's path.Clean leaves it.</summary>
    public static string Clean(string path)
    {
        var rooted = path.StartsWith('/');
        var parts = new List<string>();
        foreach (var part in path.Split('/', StringSplitOptions.RemoveEmptyEntries).Where(part => part != "."))
        {
            if (part != ".." || (parts.Count > 0 ? parts[^1] == ".." : !rooted))
            {
                parts.Add(part);
            }
            else if (parts.Count > 0)
            {
                parts.RemoveAt(parts.Count - 1);
            }
        }

        var joined = string.Join('/', parts);
        return rooted ? $"/{joined}" : joined.Length > 0 ? joined : ".";
    }

    private static string BaseName(string path)
    {
        var trimmed = path.TrimEnd('/');
        return path.Length == 0 ? "." : trimmed.Length == 0 ? "/" : trimmed[(trimmed.LastIndexOf('/') + 1)..];
    }

    private static string Folder(string path) => Clean(path[..(path.LastIndexOf('/') + 1)]);
}
