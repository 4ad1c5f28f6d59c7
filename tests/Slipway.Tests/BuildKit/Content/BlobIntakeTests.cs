using Slipway.BuildKit.Content;
using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Wire.Content;
using Slipway.Tests.Support;
using Xunit;

namespace Slipway.Tests.BuildKit.Content;

/// <summary>What the exporters write into a session's content store.</summary>
public sealed class BlobIntakeTests
{
    private static readonly byte[] Blob = "the bytes of a layer"u8.ToArray();

    private readonly MemoryStream _received = new();
    private readonly List<BlobOffer> _offers = [];

    [Fact]
    public async Task A_blob_arrives_whole_and_its_size_and_digest_are_confirmed()
    {
        var answer = await BlobCall.SendAsync(Intake(_ => _received), "layer", Blob);
        Assert.Equal((Blob.Length, BlobCall.Digest(Blob)), (answer.Offset, answer.Digest));
        Assert.Equal(Blob, _received.ToArray());
        Assert.Equal(new BlobOffer("layer", BlobCall.Digest(Blob), Blob.Length), Assert.Single(_offers));
    }

    [Fact]
    public async Task A_blob_is_in_its_place_before_it_is_confirmed()
    {
        using var call = new CancellationTokenSource();
        var digest = BlobCall.Digest(Blob);
        var open = BlobCall.Begin("layer", Blob);
        var receiving = Intake(_ => _received).ReceiveAsync(open, call.Token);
        for (var i = 0; i < 4; i++)
        {
            await open.ReceiveAsync(WriteContentResponse.Parser);
        }

        // The engine has its confirmation and has not yet closed the call.
        Assert.False(_received.CanWrite);
        open.HalfClose();
        await receiving;
        Assert.Equal(digest, BlobCall.Digest(_received.ToArray()));
    }

    [Fact]
    public async Task A_blob_that_is_not_wanted_exists_already()
    {
        var problem = await Assert.ThrowsAsync<GrpcStatusException>(() => BlobCall.SendAsync(Intake(_ => null), "layer", Blob));
        Assert.Equal(GrpcStatusCode.AlreadyExists, problem.Code);
    }

    [Fact]
    public async Task Contents_of_another_digest_are_refused()
    {
        var problem = await Assert.ThrowsAsync<GrpcStatusException>(
            () => BlobCall.SendAsync(Intake(_ => _received), "layer", Blob, BlobCall.Digest("other"u8)));
        Assert.Equal(GrpcStatusCode.FailedPrecondition, problem.Code);
    }

    [Theory]
    [InlineData("local:cache", null, GrpcStatusCode.NotFound)]
    [InlineData("export", "md5:1", GrpcStatusCode.InvalidArgument)]
    public async Task What_no_exporter_says_is_refused(string store, string? digest, GrpcStatusCode code)
    {
        var problem = await Assert.ThrowsAsync<GrpcStatusException>(() => BlobCall.SendAsync(Intake(_ => _received), "layer", Blob, digest, store));
        Assert.Equal(code, problem.Code);
    }

    private BlobIntake Intake(Func<BlobOffer, Stream?> open) => new(new Dictionary<string, BlobStore>
    {
        [BlobIntake.Export] = (offer, _) =>
        {
            _offers.Add(offer);
            return ValueTask.FromResult(open(offer));
        },
    });
}
