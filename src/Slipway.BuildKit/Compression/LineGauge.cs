using System.Buffers.Binary;
using System.Net.Sockets;

namespace Slipway.BuildKit.Compression;

/// <summary>Reads from the kernel how fast a connection's line is.</summary>
/// <remarks>
/// Linux counts, per socket, acknowledged bytes and the time in which bytes were waiting or under way (<c>struct tcp_info</c> of linux/tcp.h, since
/// 4.10). Their quotient is the line's own rate: an engine that reads slowly holds its HTTP/2 window back, and then the socket is idle, not busy.
/// <code>
/// offset 120  u64  tcpi_bytes_acked
/// offset 168  u64  tcpi_busy_time, microseconds
/// </code>
/// Where there is no such socket (a Unix socket, TLS to a proxy, another system) nothing is known.
/// </remarks>
public sealed class LineGauge
{
    private const int IpProtocolTcp = 6;
    private const int TcpInfo = 11;
    private const int BytesAckedOffset = 120;
    private const int BusyTimeOffset = 168;
    private const int InfoBytes = BusyTimeOffset + sizeof(ulong);

    private Socket? _socket;

    /// <summary>Names the connection that is measured from now on.</summary>
    public void Watch(Stream network) => _socket = OperatingSystem.IsLinux() ? (network as NetworkStream)?.Socket : null;

    internal LineReading? Read()
    {
        if (_socket is not { ProtocolType: ProtocolType.Tcp } socket)
        {
            return null;
        }

        Span<byte> info = stackalloc byte[InfoBytes];
        try
        {
            return socket.GetRawSocketOption(IpProtocolTcp, TcpInfo, info) < InfoBytes ? null : Parse(info);
        }
        catch (Exception gone) when (gone is SocketException or ObjectDisposedException)
        {
            return null;
        }
    }

    /// <summary>The kernel writes its numbers as this machine does, which is little-endian wherever the client runs.</summary>
    private static LineReading Parse(ReadOnlySpan<byte> info) => new(
        BinaryPrimitives.ReadInt64LittleEndian(info[BytesAckedOffset..]),
        TimeSpan.FromMicroseconds(BinaryPrimitives.ReadInt64LittleEndian(info[BusyTimeOffset..])));
}
