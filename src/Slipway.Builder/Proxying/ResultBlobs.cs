using System.Buffers;
using System.Security.Cryptography;
using System.Text.Json;
using Google.Protobuf;
using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Wire.Content;
using Slipway.BuildKit.Wire.Control;

namespace Slipway.Builder.Proxying;

/// <summary>Which blobs of the engine's content store a build may read: those that its own results lead to.</summary>
internal static class ResultBlobs
{
    public static Judgement Judge(BuildScope build, string path, ReadOnlyMemory<byte> message)
    {
        if (path.EndsWith("/Info", StringComparison.Ordinal))
        {
            var info = Slipway.BuildKit.Wire.Content.InfoRequest.Parser.ParseFrom(message.Span);
            return build.KindOf(info.Digest) is null ? NotOwn(info.Digest) : Judgement.Send(info.ToByteArray());
        }

        var read = ReadContentRequest.Parser.ParseFrom(message.Span);
        return build.KindOf(read.Digest) switch
        {
            null => NotOwn(read.Digest),
            BlobKind.Manifest when read.Offset <= 0 => Judgement.Send(read.ToByteArray(), new ManifestWatch(build, read.Digest)),
            _ => Judgement.Send(read.ToByteArray()),
        };
    }

    private static Judgement NotOwn(string digest) =>
        Judgement.Refuse(GrpcStatusCode.PermissionDenied, $"{digest} is not part of this build's results");

    /// <summary>Gives the build what a manifest or index of its own points to.</summary>
    public static void OwnDescriptors(BuildScope build, ReadOnlyMemory<byte> manifest)
    {
        using var document = JsonDocument.Parse(manifest);
        var root = document.RootElement;
        foreach (var (name, kind) in new[] { ("manifests", BlobKind.Manifest), ("layers", BlobKind.Leaf) })
        {
            if (root.TryGetProperty(name, out var list) && list.ValueKind == JsonValueKind.Array)
            {
                foreach (var descriptor in list.EnumerateArray())
                {
                    Own(build, descriptor, kind);
                }
            }
        }

        if (root.TryGetProperty("config", out var config))
        {
            Own(build, config, BlobKind.Leaf);
        }
    }

    private static void Own(BuildScope build, JsonElement descriptor, BlobKind kind)
    {
        if (descriptor.ValueKind == JsonValueKind.Object
            && descriptor.TryGetProperty("digest", out var digest)
            && digest.GetString() is { } text)
        {
            build.Own(text, kind);
        }
    }
}

/// <summary>Reads along while a build reads an index or manifest of its own.</summary>
internal sealed class ManifestWatch(BuildScope build, string digest) : MessageWatch
{
    private readonly ArrayBufferWriter<byte> _manifest = new();

    protected override int BytesMax => RelayLimits.ManifestBytesMax - _manifest.WrittenCount;

    protected override void Take(ReadOnlySpan<byte> message) => _manifest.Write(ReadContentResponse.Parser.ParseFrom(message).Data.Span);

    protected override void Ended(GrpcStatusCode code, string message)
    {
        try
        {
            // The hash stands for wholeness; a part of a blob proves nothing.
            if (code == GrpcStatusCode.Ok && digest == "sha256:" + Convert.ToHexStringLower(SHA256.HashData(_manifest.WrittenSpan)))
            {
                ResultBlobs.OwnDescriptors(build, _manifest.WrittenMemory);
            }
        }
        catch (JsonException)
        {
            // Not a manifest after all.
        }
    }
}

/// <summary>Reads along while a build reads the record of a solve of its own, and lets it read the attestations that stand there.</summary>
internal sealed class RecordWatch(BuildScope build) : MessageWatch
{
    protected override int BytesMax => RelayLimits.ManifestBytesMax;

    protected override void Take(ReadOnlySpan<byte> message)
    {
        if (BuildHistoryEvent.Parser.ParseFrom(message).Record is not { } record)
        {
            return;
        }

        foreach (var attestation in record.Results.Values.Prepend(record.Result ?? new BuildResultInfo()).SelectMany(result => result.Attestations))
        {
            build.Own(attestation.Digest, BlobKind.Leaf);
        }
    }

    protected override void Ended(GrpcStatusCode code, string message)
    {
    }
}
