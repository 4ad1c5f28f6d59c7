using Google.Protobuf;
using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Session;
using Slipway.BuildKit.Wire.Content;

namespace Slipway.BuildKit.Content;

/// <summary>Lets the engine read blobs of OCI layouts on this machine: named contexts (<c>oci-layout://</c>) and local caches.</summary>
/// <remarks>
/// Service <c>containerd.services.content.v1.Content</c>, of which an engine calls Info and Read on what it imports. The metadata entry
/// <c>buildkit-attachable-store-id</c> says which layout is meant: <c>oci:ID</c> and <c>local:FOLDER</c>.
/// </remarks>
/// <param name="layouts">By store id. Nothing else can be read.</param>
public sealed class BlobSource(IReadOnlyDictionary<string, OciLayout> layouts) : IAttachable
{
    private const string Service = "/containerd.services.content.v1.Content/";
    private const string StoreHeader = "buildkit-attachable-store-id";

    /// <summary>As containerd cuts them.</summary>
    private const int ChunkBytes = 1024 * 1024;

    private Dictionary<string, GrpcHandler>? _methods;

    public IReadOnlyDictionary<string, GrpcHandler> Methods => _methods ??= new(StringComparer.Ordinal)
    {
        [Service + "Info"] = (call, cancellation) => InfoAsync(call, cancellation),
        [Service + "Read"] = (call, cancellation) => ReadAsync(call, cancellation),
    };

    internal async Task InfoAsync(IGrpcStream call, CancellationToken cancellation)
    {
        var request = await UnaryCall.ReadAsync(call, InfoRequest.Parser, cancellation);
        using var blob = Open(call, request.Digest);
        await call.WriteMessageAsync(new InfoResponse { Info = new Info { Digest = request.Digest, Size = blob.Length } }, cancellation);
    }

    internal async Task ReadAsync(IGrpcStream call, CancellationToken cancellation)
    {
        var request = await UnaryCall.ReadAsync(call, ReadContentRequest.Parser, cancellation);
        await using var blob = Open(call, request.Digest);
        if (request.Offset < 0 || request.Offset > blob.Length || request.Size < 0)
        {
            throw new GrpcStatusException(GrpcStatusCode.OutOfRange, $"{request.Digest} has {blob.Length} bytes; {request.Size} from {request.Offset} were asked for");
        }

        blob.Position = request.Offset;
        var end = request.Size == 0 ? blob.Length : Math.Min(blob.Length, request.Offset + request.Size);
        var buffer = new byte[Math.Min(ChunkBytes, end - request.Offset)];
        for (var offset = request.Offset; offset < end;)
        {
            var length = (int)Math.Min(buffer.Length, end - offset);
            await blob.ReadExactlyAsync(buffer.AsMemory(0, length), cancellation);
            await call.WriteMessageAsync(new ReadContentResponse { Offset = offset, Data = UnsafeByteOperations.UnsafeWrap(buffer.AsMemory(0, length)) }, cancellation);
            offset += length;
        }
    }

    private FileStream Open(IGrpcStream call, string digest)
    {
        var store = call.RequestHeaders.First(StoreHeader) ?? "";
        if (!layouts.TryGetValue(store, out var layout))
        {
            throw new GrpcStatusException(GrpcStatusCode.NotFound, $"unknown store {store}");
        }

        try
        {
            return layout.PathOf(digest) is { } path
                ? new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0)
                : throw new GrpcStatusException(GrpcStatusCode.InvalidArgument, $"\"{digest}\" is no sha256 digest");
        }
        catch (Exception missing) when (missing is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new GrpcStatusException(GrpcStatusCode.NotFound, $"content {digest}: not found", inner: missing);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new GrpcStatusException(GrpcStatusCode.Unknown, failure.Message, inner: failure);
        }
    }
}
