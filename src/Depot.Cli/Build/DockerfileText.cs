namespace Depot.Cli.Build;

/// <summary>Whether a Dockerfile can be one at all.</summary>
/// <remarks>
/// An engine quotes the line that it does not understand, and one that is no UTF-8 text breaks its answer: the call is reset without a word. Single
/// bytes of older encodings, in comments above all, are left to the engine, which passes over them.
/// </remarks>
internal static class DockerfileText
{
    private const int HeadBytes = 512;

    /// <summary>Looks at the beginning of a file.</summary>
    /// <exception cref="CliException">It is UTF-16, or no text.</exception>
    public static void Check(Stream file, string written)
    {
        // What a pipe gives, it gives once: to the engine.
        if (!file.CanSeek)
        {
            return;
        }

        Span<byte> head = stackalloc byte[HeadBytes];
        head = head[..file.ReadAtLeast(head, HeadBytes, throwOnEndOfStream: false)];
        if (head is [0xFF, 0xFE, ..] or [0xFE, 0xFF, ..])
        {
            throw Refuse($"{written} is UTF-16 text", "Save it as UTF-8: iconv -f UTF-16 -t UTF-8; in PowerShell, Set-Content -Encoding utf8.");
        }

        if (head.IndexOf((byte)0) is >= 0 and var zero)
        {
            throw Refuse($"{written} is no text: its byte {zero + 1} is zero", "Is it the right file? Name the Dockerfile with --file.");
        }
    }

    private static CliException Refuse(string what, string remedy) => new($"failed to solve: failed to read dockerfile: {what}") { Remedy = remedy };
}
