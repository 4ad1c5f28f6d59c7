using System.Runtime.InteropServices;

namespace Slipway.Tests.BuildKit.FileSync;

/// <summary>Runs something on a thread of its own that may do no more than a stranger: root can read everything, which hides what these tests are about.</summary>
internal static partial class AsNobody
{
    private const uint Nobody = 65534;

    public static T Run<T>(Func<T> action)
    {
        T result = default!;
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                // Of this thread only, and for good: the thread ends with it. Without root it changes nothing, and nothing needs changing.
                _ = SetFileSystemUser(Nobody);
                result = action();
            }
            catch (Exception thrown)
            {
                failure = thrown;
            }
        });
        thread.Start();
        thread.Join();
        return failure is null ? result : throw failure;
    }

    [LibraryImport("libc", EntryPoint = "setfsuid")]
    private static partial int SetFileSystemUser(uint user);
}
