using System.Security.Cryptography;
using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Session;
using Slipway.BuildKit.Wire.Content;

namespace Slipway.BuildKit.Content;

/// <summary>Says where a blob that the engine offers goes; null when it is not wanted.</summary>
public delegate ValueTask<Stream?> BlobStore(BlobOffer offer, CancellationToken cancellation);

/// <summary>Takes blobs from the engine, one by one: into the content store <c>export</c> of a session, where the <c>oci</c> and <c>docker</c>
/// exporters write when they are told <c>tar=false</c>, and into <c>local:FOLDER</c>, where a local cache goes.</summary>
/// <remarks>
/// Service <c>containerd.services.content.v1.Content</c>, of which the exporters call only Write. On it every message waits for the answer to
/// the one before; several blobs (four layers and a JSON document) are on their way at once. Manifests come last.
/// <code>
/// STAT    ref, total, expected   before anything: the answer ALREADY_EXISTS leaves the blob out
/// WRITE   offset, data           at most 8 MiB
/// COMMIT  total, expected        the answer must repeat size and digest
/// </code>
/// </remarks>
/// <param name="stores">By store id. Each says where a blob goes; null leaves it out. The stream is disposed before the blob is confirmed, or
/// early when it broke off; a second time does nothing.</param>
public sealed class BlobIntake(IReadOnlyDictionary<string, BlobStore> stores) : IAttachable
{
    /// <summary>The store of a Solve's exporters. All of them write into the same one.</summary>
    public const string Export = "export";

    public const string WriteMethod = "/containerd.services.content.v1.Content/Write";

    private const string StoreHeader = "buildkit-attachable-store-id";

    private Dictionary<string, GrpcHandler>? _methods;

    public IReadOnlyDictionary<string, GrpcHandler> Methods => _methods ??= new(StringComparer.Ordinal)
    {
        [WriteMethod] = (call, cancellation) => ReceiveAsync(call, cancellation),
    };

    internal async Task ReceiveAsync(IGrpcStream call, CancellationToken cancellation)
    {
        var name = call.RequestHeaders.First(StoreHeader) ?? "";
        if (!stores.TryGetValue(name, out var open))
        {
            throw new GrpcStatusException(GrpcStatusCode.NotFound, $"unknown store {name}");
        }

        using var first = await WriteMessage.ReadAsync(call, cancellation);
        if (first is null)
        {
            return;
        }

        var offer = OfferOf(first);
        await using var destination = await open(offer, cancellation)
            ?? throw new GrpcStatusException(GrpcStatusCode.AlreadyExists, $"{offer.Digest} already exists");
        using var blob = new IncomingBlob(call, offer, destination);
        await blob.TakeAsync(first, cancellation);
    }

    private static BlobOffer OfferOf(WriteMessage message) =>
        message.Expected.StartsWith("sha256:", StringComparison.Ordinal) && message.Total >= 0
            ? new BlobOffer(message.Ref.Split('-', 2)[0], message.Expected, message.Total)
            : throw new GrpcStatusException(GrpcStatusCode.InvalidArgument, $"a write needs a sha256 digest and a size, not \"{message.Expected}\"");

    /// <summary>One blob while it arrives.</summary>
    private sealed class IncomingBlob(IGrpcStream call, BlobOffer offer, Stream destination) : IDisposable
    {
        private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        private long _received;

        public async Task TakeAsync(WriteMessage first, CancellationToken cancellation)
        {
            await AnswerAsync(first, cancellation);
            while (await WriteMessage.ReadAsync(call, cancellation) is { } message)
            {
                using (message)
                {
                    await AnswerAsync(message, cancellation);
                }
            }
        }

        public void Dispose() => _hash.Dispose();

        private async Task AnswerAsync(WriteMessage message, CancellationToken cancellation)
        {
            if (message.Action != WriteAction.Stat)
            {
                await StoreAsync(message, cancellation);
            }

            var answer = new WriteContentResponse { Action = message.Action, Offset = _received, Total = offer.Size };
            if (message.Action == WriteAction.Commit)
            {
                Check();
                (destination as BlobFile)?.Keep();

                // The engine may say that the build is done as soon as it has this answer: the blob is where it belongs by then.
                await destination.DisposeAsync();
                answer.Digest = offer.Digest;
            }

            await call.WriteMessageAsync(answer, cancellation);
        }

        private async Task StoreAsync(WriteMessage message, CancellationToken cancellation)
        {
            if (message.Offset != _received && !message.Data.IsEmpty)
            {
                throw new GrpcStatusException(GrpcStatusCode.OutOfRange, $"write to offset {message.Offset} of {offer.Digest}, where {_received} comes next");
            }

            foreach (var part in message.Data)
            {
                _hash.AppendData(part.Span);
                await destination.WriteAsync(part, cancellation);
            }

            _received += message.Data.Length;
        }

        private void Check()
        {
            if (_received != offer.Size || $"sha256:{Convert.ToHexStringLower(_hash.GetCurrentHash())}" != offer.Digest)
            {
                throw new GrpcStatusException(GrpcStatusCode.FailedPrecondition, $"{offer.Digest} arrived with {_received} bytes that are not its contents");
            }
        }
    }
}
