using System.Buffers;
using System.Collections.Concurrent;
using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Session;

namespace Slipway.BuildKit.Upload;

/// <summary>Lets the engine fetch streams as if by http from <c>http://buildkit-session/ID</c>: <c>moby.upload.v1.Upload</c>. It carries a context that is an archive.</summary>
public sealed class UploadProvider : IAttachable
{
    public const string PullMethod = "/moby.upload.v1.Upload/Pull";

    // Well under the 3 MiB that upstream keeps to (grpc-go refuses messages above 4 MiB), and pooled there up to 1 MiB.
    private const int ChunkBytesMax = 512 * 1024;

    private readonly ConcurrentDictionary<string, Func<Stream?>> _streams = new(StringComparer.Ordinal);
    private Dictionary<string, GrpcHandler>? _methods;

    public IReadOnlyDictionary<string, GrpcHandler> Methods => _methods ??= new(StringComparer.Ordinal) { [PullMethod] = PullAsync };

    /// <summary>Offers a stream once; it is disposed when it has been fetched.</summary>
    /// <returns>The URL to give as the build's context.</returns>
    public string Add(Stream content)
    {
        Stream? unread = content;
        return Add(() => Interlocked.Exchange(ref unread, null));
    }

    /// <summary>Offers what <paramref name="open"/> opens, to every engine that asks; null when there is nothing any more.</summary>
    /// <inheritdoc cref="Add(Stream)"/>
    public string Add(Func<Stream?> open)
    {
        var id = Guid.NewGuid().ToString("N");
        _streams[id] = open;
        return $"http://buildkit-session/{id}";
    }

    private Task PullAsync(GrpcServerCall call, CancellationToken cancellation) => SendAsync(call, cancellation);

    internal async Task SendAsync(IGrpcStream call, CancellationToken cancellation)
    {
        var path = call.RequestHeaders.First("urlpath") ?? "";
        if (!_streams.TryGetValue(path[(path.LastIndexOf('/') + 1)..], out var open) || open() is not { } content)
        {
            throw new GrpcStatusException(GrpcStatusCode.NotFound, $"nothing is offered under {path}, or it has been fetched already");
        }

        await using (content)
        {
            var buffer = ArrayPool<byte>.Shared.Rent(ChunkBytesMax);
            try
            {
                await CopyAsync(content, buffer, call, cancellation);
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(buffer);
            }
        }
    }

    /// <summary>BytesMessage: data 1 bytes.</summary>
    private static async Task CopyAsync(Stream content, byte[] buffer, IGrpcStream call, CancellationToken cancellation)
    {
        var head = new byte[6];
        while (true)
        {
            var read = await content.ReadAsync(buffer.AsMemory(0, ChunkBytesMax), cancellation);
            if (read == 0)
            {
                return;
            }

            head[0] = 0x0A;
            var length = 1;
            for (var rest = (uint)read; ; rest >>= 7)
            {
                head[length++] = (byte)(rest >= 0x80 ? rest | 0x80 : rest);
                if (rest < 0x80)
                {
                    break;
                }
            }

            await call.WriteAsync(head.AsMemory(0, length), buffer.AsMemory(0, read), cancellation);
        }
    }
}
