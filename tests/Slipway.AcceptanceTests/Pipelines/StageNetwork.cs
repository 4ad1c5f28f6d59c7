using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Slipway.AcceptanceTests.Pipelines;

/// <summary>Opens sockets in another process's network.</summary>
internal static class StageNetwork
{
    private const int CloneNewNet = 0x40000000;

    /// <summary>A listening socket in the network of <paramref name="processId"/>: what it accepts belongs to that network, too.</summary>
    public static Socket Listen(int processId, IPEndPoint endpoint)
    {
        Socket? socket = null;
        Exception? problem = null;

        // A network is a thread's own affair, and this thread ends here.
        var thread = new Thread(() =>
        {
            try
            {
                Enter(processId);
                socket = new Socket(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
                socket.Bind(endpoint);
                socket.Listen();
            }
            catch (Exception failure)
            {
                problem = failure;
            }
        });
        thread.Start();
        thread.Join();
        return problem is null ? socket! : throw new InvalidOperationException($"cannot listen on {endpoint} in the stage's network", problem);
    }

    private static void Enter(int processId)
    {
        using var network = File.OpenHandle($"/proc/{processId}/ns/net");
        if (SetNamespace(network, CloneNewNet) != 0)
        {
            throw new InvalidOperationException($"setns: error {Marshal.GetLastPInvokeError()}");
        }
    }

    [DllImport("libc", EntryPoint = "setns", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SetNamespace(SafeHandle descriptor, int kind);
}
