using System.Security.Cryptography;

namespace Depot.Cli.Docker.Configure;

/// <summary>Puts a file in another one's place in one step, with its permissions: nobody ever reads a half-written one.</summary>
internal static class WholeFile
{
    /// <param name="mode">Permissions of a file that was not there; without any it is for its owner only.</param>
    public static void Write(string path, ReadOnlySpan<byte> contents, UnixFileMode? mode = null)
    {
        // A settings file may be a link into a folder that is kept elsewhere.
        path = new FileInfo(path).LinkTarget is null ? path : File.ResolveLinkTarget(path, returnFinalTarget: true)!.FullName;
        var partial = NameBeside(path);
        try
        {
            using (var file = OwnerOnly.CreateFile(partial))
            {
                file.Write(contents);
            }

            if (!OperatingSystem.IsWindows() && (File.Exists(path) ? File.GetUnixFileMode(path) : mode) is { } permissions)
            {
                File.SetUnixFileMode(partial, permissions);
            }

            File.Move(partial, path, overwrite: true);
        }
        catch
        {
            File.Delete(partial);
            throw;
        }
    }

    public static void Link(string path, string target)
    {
        var partial = NameBeside(path);
        File.CreateSymbolicLink(partial, target);
        File.Move(partial, path, overwrite: true);
    }

    private static string NameBeside(string path) => $"{path}.{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(6))}.partial";
}
