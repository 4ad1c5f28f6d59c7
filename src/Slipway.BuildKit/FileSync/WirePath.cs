using System.Text;

namespace Slipway.BuildKit.FileSync;

/// <summary>Slash-separated paths as bytes. File names are bytes to Linux and may be no valid UTF-8, so they never become strings on the way.</summary>
internal static class WirePath
{
    /// <summary>Go's path.Clean: shortest equivalent, <c>..</c> resolved by name only, <c>.</c> for the empty path.</summary>
    public static byte[] Clean(ReadOnlySpan<byte> path)
    {
        var rooted = path.Length > 0 && path[0] == '/';
        var cleaned = new List<byte>(path.Length + 1);
        if (rooted)
        {
            cleaned.Add((byte)'/');
        }

        // Nothing before this index may be taken back by "..".
        var floor = cleaned.Count;
        foreach (var range in path.Split((byte)'/'))
        {
            var part = path[range];
            if (part.IsEmpty || part.SequenceEqual("."u8))
            {
                continue;
            }

            if (part.SequenceEqual(".."u8))
            {
                floor = StepUp(cleaned, floor, rooted);
                continue;
            }

            Append(cleaned, part, rooted);
        }

        return cleaned.Count == 0 ? "."u8.ToArray() : [.. cleaned];
    }

    /// <summary>The path below a root, cleaned with the root as ceiling: <c>..</c> cannot climb out. <c>.</c> names the root itself.</summary>
    public static byte[] BelowRoot(ReadOnlySpan<byte> path)
    {
        var cleaned = Clean([(byte)'/', .. path]);
        return cleaned.Length == 1 ? "."u8.ToArray() : cleaned[1..];
    }

    /// <summary>All but the last element; empty when there is only one.</summary>
    public static ReadOnlySpan<byte> Parent(ReadOnlySpan<byte> path)
    {
        var slash = path.LastIndexOf((byte)'/');
        return slash < 0 ? default : path[..slash];
    }

    public static ReadOnlySpan<byte> Name(ReadOnlySpan<byte> path) => path[(path.LastIndexOf((byte)'/') + 1)..];

    public static byte[] Join(ReadOnlySpan<byte> folder, ReadOnlySpan<byte> name) =>
        folder.IsEmpty ? name.ToArray() : [.. folder, (byte)'/', .. name];

    /// <summary>A copy that a C function can take.</summary>
    public static byte[] Terminated(ReadOnlySpan<byte> path) => [.. path, 0];

    /// <summary>The path in words, for messages only.</summary>
    public static string Show(ReadOnlySpan<byte> path) => Encoding.UTF8.GetString(path);

    private static void Append(List<byte> cleaned, ReadOnlySpan<byte> part, bool rooted)
    {
        if (cleaned.Count > (rooted ? 1 : 0))
        {
            cleaned.Add((byte)'/');
        }

        cleaned.AddRange(part);
    }

    private static int StepUp(List<byte> cleaned, int floor, bool rooted)
    {
        if (cleaned.Count > floor)
        {
            var slash = cleaned.LastIndexOf((byte)'/');
            var end = Math.Max(slash, floor);
            cleaned.RemoveRange(end, cleaned.Count - end);
            return floor;
        }

        if (rooted)
        {
            return floor;
        }

        Append(cleaned, ".."u8, rooted);
        return cleaned.Count;
    }
}
