using System.Buffers;
using System.Text.Json;
using Google.Protobuf;
using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Wire.Control;

namespace Slipway.Builder.Proxying;

/// <summary>Sees one solve end, and which results it leaves to its build.</summary>
internal sealed class SolveWatch(BuildScope build, EnginePolicy engine, string reference) : CallWatch
{
    /// <summary>The rest of a longer response names nothing that a client could load.</summary>
    private const int ResponseBytesMax = 1024 * 1024;

    private readonly ArrayBufferWriter<byte> _response = new();

    public override bool Reads => true;

    public override void Observe(ReadOnlySpan<byte> response)
    {
        if (_response.WrittenCount + response.Length <= ResponseBytesMax)
        {
            _response.Write(response);
        }

        TakeResults();
    }

    protected override void Ended(GrpcStatusCode code, string message) =>
        engine.SolveEnded(build.Admission, reference, code, message);

    private void TakeResults()
    {
        if (GrpcBlocks.Announced(_response.WrittenSpan) is not { } length || _response.WrittenCount < GrpcBlocks.PrefixLength + length)
        {
            return;
        }

        try
        {
            var response = SolveResponse.Parser.ParseFrom(_response.WrittenSpan[GrpcBlocks.PrefixLength..]);
            TakeResults(response.ExporterResponse);
        }
        catch (InvalidProtocolBufferException)
        {
            // The client will say so.
        }
    }

    /// <summary>Only keys that exporters write: those beginning with "frontend." are the build's own words.</summary>
    private void TakeResults(IDictionary<string, string> results)
    {
        if (results.TryGetValue("containerimage.config.digest", out var config))
        {
            build.Own(config, BlobKind.Leaf);
        }

        if (results.TryGetValue("containerimage.digest", out var image))
        {
            build.Own(image, BlobKind.Manifest);
        }

        if (results.TryGetValue("containerimage.descriptor", out var encoded) && DigestIn(encoded) is { } digest)
        {
            build.Own(digest, BlobKind.Manifest);
        }
    }

    private static string? DigestIn(string encodedDescriptor)
    {
        try
        {
            using var descriptor = JsonDocument.Parse(Convert.FromBase64String(encodedDescriptor));
            return descriptor.RootElement.GetProperty("digest").GetString();
        }
        catch (Exception e) when (e is FormatException or JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return null;
        }
    }
}

/// <summary>Sees a session end, so that its id may be used again.</summary>
internal sealed class SessionWatch(BuildScope build, string id) : CallWatch
{
    protected override void Ended(GrpcStatusCode code, string message) => build.CloseSession(id);
}
