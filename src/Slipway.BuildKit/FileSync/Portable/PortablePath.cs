using System.Buffers;
using System.Text;

namespace Slipway.BuildKit.FileSync.Portable;

/// <summary>A path of the wire as this system writes it, or the knowledge that it cannot.</summary>
internal static class PortablePath
{
    private static readonly UTF8Encoding s_strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private static readonly SearchValues<char> s_notInNames = SearchValues.Create([.. "\\/:*?\"<>|", .. Enumerable.Range(0, 32).Select(code => (char)code)]);

    /// <summary>The names of a wire path; null when this system cannot have one of them.</summary>
    /// <param name="isWindows">Windows reads some names as devices, streams or paths: one that is sent by an engine must be a name and nothing else.</param>
    public static string[]? Split(ReadOnlySpan<byte> path, bool isWindows)
    {
        if (path.IsEmpty)
        {
            return [];
        }

        try
        {
            var names = s_strict.GetString(path).Split('/');
            return isWindows && !Array.TrueForAll(names, IsPlainOnWindows) ? null : names;
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }

    /// <summary>A name or a link's target as the wire has it; null when it is no text, which no system but Linux allows on purpose.</summary>
    public static byte[]? ToWire(string name, bool isWindows)
    {
        try
        {
            return s_strict.GetBytes(isWindows ? name.Replace('\\', '/') : name);
        }
        catch (EncoderFallbackException)
        {
            return null;
        }
    }

    /// <summary>What "Naming Files, Paths, and Namespaces" of the Windows documentation calls a valid name.</summary>
    internal static bool IsPlainOnWindows(string name)
    {
        if (name.Length == 0 || name[^1] is '.' or ' ' || name.AsSpan().ContainsAny(s_notInNames))
        {
            return false;
        }

        var stem = name.Split('.')[0].TrimEnd().ToUpperInvariant();
        return stem is not ("CON" or "PRN" or "AUX" or "NUL" or "CONIN$" or "CONOUT$")
            && !(stem.Length == 4 && (stem.StartsWith("COM", StringComparison.Ordinal) || stem.StartsWith("LPT", StringComparison.Ordinal)) && stem[3] is (>= '0' and <= '9') or '¹' or '²' or '³');
    }
}
