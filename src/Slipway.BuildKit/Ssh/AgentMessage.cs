using System.Buffers.Binary;

namespace Slipway.BuildKit.Ssh;

/// <summary>What the SSH agent protocol's messages are, and which of them a build may send (draft-miller-ssh-agent).</summary>
/// <remarks>
/// On the wire: a big-endian uint32 length, then that many bytes, the first of which is the type.
/// <list type="table">
/// <item><term>11</term><description>request identities: passed on</description></item>
/// <item><term>13</term><description>sign: passed on</description></item>
/// <item><term>1, 9</term><description>the same for SSH 1, which has no keys: answered here, as BuildKit's own client does</description></item>
/// <item><term>27</term><description>extension: refused with 28</description></item>
/// <item><term>others</term><description>add, remove, lock, unlock, smart cards: refused with 5</description></item>
/// </list>
/// BuildKit's client passes unlock on; a build has no reason to try passphrases, so it is refused here.
/// </remarks>
internal static class AgentMessage
{
    public const int LengthBytes = 4;

    /// <summary>OpenSSH's AGENT_MAX_LEN; an agent drops a client that announces more.</summary>
    public const int MessageBytesMax = 256 * 1024;

    private const byte RequestV1Identities = 1;
    private const byte RemoveAllV1Identities = 9;
    private const byte RequestIdentities = 11;
    private const byte Sign = 13;
    private const byte Extension = 27;

    private static readonly byte[] s_failure = [0, 0, 0, 1, 5];
    private static readonly byte[] s_success = [0, 0, 0, 1, 6];
    private static readonly byte[] s_noV1Identities = [0, 0, 0, 5, 2, 0, 0, 0, 0];
    private static readonly byte[] s_extensionFailure = [0, 0, 0, 1, 28];

    /// <summary>The answer that needs no agent, or null when the agent may be asked.</summary>
    public static byte[]? AnswerWithoutAgent(byte type) => type switch
    {
        RequestIdentities or Sign => null,
        RequestV1Identities => s_noV1Identities,
        RemoveAllV1Identities => s_success,
        Extension => s_extensionFailure,
        _ => s_failure,
    };

    /// <summary>The whole size, length field included, of the message that starts <paramref name="bytes"/>; null while that cannot be told.</summary>
    /// <exception cref="InvalidDataException">The announced length is 0 or over the limit.</exception>
    public static int? SizeOf(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < LengthBytes)
        {
            return null;
        }

        var length = BinaryPrimitives.ReadUInt32BigEndian(bytes);
        return length is > 0 and <= MessageBytesMax
            ? LengthBytes + (int)length
            : throw new InvalidDataException($"an SSH agent message announced {length} bytes; 1 to {MessageBytesMax} are allowed");
    }
}
