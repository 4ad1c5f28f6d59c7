using System.Globalization;
using Slipway.BuildKit.FileSync;
using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Session;

namespace Slipway.BuildKit.Export;

/// <summary>Receives what the engine's exporters send to the client: <c>moby.filesync.v1.FileSend</c>.</summary>
/// <remarks>
/// Request metadata:
/// <code>
/// buildkit-attachable-exporter-id   index in SolveRequest.Exporters; absent on engines before 0.13, which know one exporter
/// exporter-md-(key)                 the exporter's response so far
/// </code>
/// </remarks>
/// <param name="targets">By the exporter's index in the request.</param>
/// <param name="received">Told the exporter's index and the bytes received so far.</param>
public sealed class ExportProvider(IReadOnlyDictionary<int, ExportTarget> targets, Action<int, long>? received = null) : IAttachable
{
    public const string DiffCopyMethod = "/moby.filesync.v1.FileSend/DiffCopy";

    private Dictionary<string, GrpcHandler>? _methods;

    public IReadOnlyDictionary<string, GrpcHandler> Methods => _methods ??= new(StringComparer.Ordinal)
    {
        [DiffCopyMethod] = (call, cancellation) => ReceiveAsync(call, cancellation),
    };

    internal async Task ReceiveAsync(IGrpcStream call, CancellationToken cancellation)
    {
        var index = ExporterIndex(call.RequestHeaders);
        if (!targets.TryGetValue(index, out var target))
        {
            throw new GrpcStatusException(GrpcStatusCode.NotFound, $"exporter {index} not found");
        }

        Action<long>? progress = received is null ? null : bytes => received(index, bytes);
        try
        {
            await ReceiveAsync(call, target, progress, cancellation);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw new GrpcStatusException(GrpcStatusCode.Unknown, failure.Message, inner: failure);
        }
    }

    private static async Task ReceiveAsync(IGrpcStream call, ExportTarget target, Action<long>? progress, CancellationToken cancellation)
    {
        switch (target)
        {
            case ExportTarget.Bytes bytes:
                var stream = await bytes.Open(cancellation) ?? throw new GrpcStatusException(GrpcStatusCode.AlreadyExists, "target already exists");
                await using (stream)
                {
                    await ByteExport.CopyAsync(call, stream, progress, cancellation);
                }

                break;
            case ExportTarget.IntoFile file:
                await ByteExport.WriteFileAsync(call, file.Path, progress, cancellation);
                break;
            case ExportTarget.Folder folder:
                using (var destination = RootFolder.Create(folder.Path))
                using (var receiver = new FileReceiver(call, destination, progress, folder.Mirror))
                {
                    await receiver.RunAsync(cancellation);
                }

                break;
        }
    }

    private static int ExporterIndex(Metadata headers) =>
        int.TryParse(headers.First("buildkit-attachable-exporter-id"), NumberStyles.None, CultureInfo.InvariantCulture, out var index) ? index : 0;
}
