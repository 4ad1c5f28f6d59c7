using System.Security.Cryptography;
using Google.Protobuf;
using Slipway.BuildKit.Content;
using Slipway.BuildKit.Wire.Content;

namespace Slipway.Tests.Support;

/// <summary>Sends blobs as BuildKit's exporters do: containerd's Write, message by message.</summary>
internal static class BlobCall
{
    public static string Digest(ReadOnlySpan<byte> blob) => $"sha256:{Convert.ToHexStringLower(SHA256.HashData(blob))}";

    /// <summary>Sends one blob in two pieces; the answer to its last message.</summary>
    /// <param name="digest">Null says the true one.</param>
    public static async Task<WriteContentResponse> SendAsync(BlobIntake intake, string kind, byte[] blob, string? digest = null, string store = "export")
    {
        var call = Begin(kind, blob, digest, store);
        call.HalfClose();
        await intake.ReceiveAsync(call, CancellationToken.None);
        var answers = new List<WriteContentResponse>();
        foreach (var _ in Enumerable.Range(0, 4))
        {
            answers.Add(await call.ReceiveAsync(WriteContentResponse.Parser));
        }

        return answers[^1];
    }

    /// <summary>A call on which everything has been sent and that is still open.</summary>
    public static MemoryCall Begin(string kind, byte[] blob, string? digest = null, string store = "export")
    {
        digest ??= Digest(blob);
        var call = new MemoryCall();
        call.RequestHeaders.Add("buildkit-attachable-store-id", store);
        var half = blob.Length / 2;
        call.Send(Message(WriteAction.Stat, $"{kind}-{digest}", blob.Length, digest, 0, []));
        call.Send(Message(WriteAction.Write, "", 0, "", 0, blob[..half]));
        call.Send(Message(WriteAction.Write, "", 0, "", half, blob[half..]));
        call.Send(Message(WriteAction.Commit, "", blob.Length, digest, blob.Length, []));
        return call;
    }

    private static byte[] Message(WriteAction action, string reference, long total, string expected, long offset, byte[] data)
    {
        using var buffer = new MemoryStream();
        using (var output = new CodedOutputStream(buffer, leaveOpen: true))
        {
            output.WriteTag(0x08);
            output.WriteEnum((int)action);
            output.WriteTag(0x12);
            output.WriteString(reference);
            output.WriteTag(0x18);
            output.WriteInt64(total);
            output.WriteTag(0x22);
            output.WriteString(expected);
            output.WriteTag(0x28);
            output.WriteInt64(offset);
            output.WriteTag(0x32);
            output.WriteBytes(ByteString.CopyFrom(data));
        }

        return buffer.ToArray();
    }
}
