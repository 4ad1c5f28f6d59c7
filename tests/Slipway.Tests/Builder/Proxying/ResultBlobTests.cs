using System.Security.Cryptography;
using System.Text;
using Google.Protobuf;
using Slipway.Builder.Proxying;
using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Wire.Content;
using Slipway.BuildKit.Wire.Control;
using Xunit;

namespace Slipway.Tests.Builder.Proxying;

public sealed class ResultBlobTests
{
    private const string ReadPath = "/containerd.services.content.v1.Content/Read";
    private static readonly string Layer = Digest("layer"u8);

    private readonly BuildScope _build = new EngineScope(TimeProvider.System).Enter(RelayBed.Admission());

    [Fact]
    public void A_solves_results_lead_to_the_blobs_of_its_image()
    {
        var manifest = Encoding.UTF8.GetBytes($$"""{"config":{"digest":"{{Digest("config"u8)}}"},"layers":[{"digest":"{{Layer}}"}]}""");
        var index = Encoding.UTF8.GetBytes($$"""{"manifests":[{"digest":"{{Digest(manifest)}}"}]}""");
        var response = new SolveResponse { ExporterResponse = { ["containerimage.digest"] = Digest(index), ["frontend.x"] = Layer } };
        var solve = new SolveWatch(_build, new EnginePolicy { ListWorkers = _ => throw new InvalidOperationException() }, "r");
        foreach (var piece in FramePeer.Message(response.ToByteArray()).Chunk(3))
        {
            solve.Observe(piece);
        }

        Assert.Null(_build.KindOf(Layer));
        Read(index);
        Read(manifest);
        Assert.Equal(BlobKind.Leaf, _build.KindOf(Layer));
        Assert.Equal(BlobKind.Leaf, _build.KindOf(Digest("config"u8)));
    }

    [Fact]
    public void A_descriptor_names_an_image_too()
    {
        var descriptor = Convert.ToBase64String(Encoding.UTF8.GetBytes($$"""{"mediaType":"x","digest":"{{Layer}}"}"""));
        var solve = new SolveWatch(_build, new EnginePolicy { ListWorkers = _ => throw new InvalidOperationException() }, "r");
        solve.Observe(FramePeer.Message(new SolveResponse { ExporterResponse = { ["containerimage.descriptor"] = descriptor } }.ToByteArray()));
        Assert.Equal(BlobKind.Manifest, _build.KindOf(Layer));
    }

    [Fact]
    public void A_configuration_leads_nowhere_even_if_it_looks_like_a_manifest()
    {
        var config = Encoding.UTF8.GetBytes($$"""{"layers":[{"digest":"{{Layer}}"}]}""");
        _build.Own(Digest(config), BlobKind.Leaf);
        Assert.Null(Judge(Digest(config)).Watch);
    }

    [Fact]
    public void Bytes_that_are_not_the_blob_lead_nowhere()
    {
        var forged = Encoding.UTF8.GetBytes($$"""{"layers":[{"digest":"{{Layer}}"}]}""");
        _build.Own(Digest("the real one"u8), BlobKind.Manifest);
        Observe(Judge(Digest("the real one"u8)).Watch!, forged);
        Assert.Null(_build.KindOf(Layer));
    }

    private static string Digest(ReadOnlySpan<byte> content) => "sha256:" + Convert.ToHexStringLower(SHA256.HashData(content));

    private static void Observe(CallWatch watch, byte[] content)
    {
        foreach (var part in content.Chunk(10).SelectMany(data => FramePeer.Message(new ReadContentResponse { Data = ByteString.CopyFrom(data) }.ToByteArray())).Chunk(7))
        {
            watch.Observe(part);
        }

        watch.End(GrpcStatusCode.Ok, "");
    }

    private Judgement Judge(string digest)
    {
        var judged = ResultBlobs.Judge(_build, ReadPath, new ReadContentRequest { Digest = digest }.ToByteArray());
        Assert.Null(judged.Refusal);
        return judged;
    }

    private void Read(byte[] content) => Observe(Judge(Digest(content)).Watch!, content);
}
