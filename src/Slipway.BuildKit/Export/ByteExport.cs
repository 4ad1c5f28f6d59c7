using System.Buffers;
using Slipway.BuildKit.FileSync;
using Slipway.BuildKit.FileSync.Linux;
using Slipway.BuildKit.Grpc;

namespace Slipway.BuildKit.Export;

/// <summary>Takes an export that is one run of bytes.</summary>
internal static class ByteExport
{
    // The engine sends 4 to 32 KiB at a time; a disk and a pipe like it larger.
    private const int BufferBytes = 256 * 1024;

    /// <summary>Writes to a name beside <paramref name="path"/> and renames when everything is there: a build that fails leaves what was there.</summary>
    public static async Task WriteFileAsync(IGrpcStream call, string path, Action<long>? progress, CancellationToken cancellation)
    {
        var full = Path.GetFullPath(path);
        if (!IsReplaceable(full))
        {
            // A device or a pipe (-o dest=/dev/stdout): nothing can take its place.
            await using var existing = new FileStream(full, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
            await CopyAsync(call, existing, progress, cancellation);
            return;
        }

        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        full = (File.Exists(full) ? File.ResolveLinkTarget(full, returnFinalTarget: true)?.FullName : null) ?? full;
        var partial = $"{full}.{Guid.NewGuid():N}.partial";
        try
        {
            await using (var file = new FileStream(partial, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0))
            {
                await CopyAsync(call, file, progress, cancellation);
            }

            File.Move(partial, full, overwrite: true);
        }
        catch
        {
            File.Delete(partial);
            throw;
        }
    }

    /// <summary>BytesMessage (data 1 bytes) after BytesMessage until the engine half-closes.</summary>
    public static async Task CopyAsync(IGrpcStream call, Stream destination, Action<long>? progress, CancellationToken cancellation)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
        var gathered = 0;
        long total = 0;
        try
        {
            while (true)
            {
                using var message = await call.ReadAsync(cancellation);
                if (message is null)
                {
                    break;
                }

                foreach (var part in DataOf(message))
                {
                    gathered = await GatherAsync(part, buffer, gathered, destination, cancellation);
                    total += part.Length;
                }

                progress?.Invoke(total);
            }

            await destination.WriteAsync(buffer.AsMemory(0, gathered), cancellation);
            await destination.FlushAsync(cancellation);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static async ValueTask<int> GatherAsync(
        ReadOnlyMemory<byte> part, byte[] buffer, int gathered, Stream destination, CancellationToken cancellation)
    {
        if (gathered + part.Length > BufferBytes)
        {
            await destination.WriteAsync(buffer.AsMemory(0, gathered), cancellation);
            gathered = 0;
        }

        if (part.Length >= BufferBytes)
        {
            await destination.WriteAsync(part, cancellation);
            return gathered;
        }

        part.CopyTo(buffer.AsMemory(gathered));
        return gathered + part.Length;
    }

    private static ReadOnlySequence<byte> DataOf(GrpcMessage message)
    {
        var reader = new WireReader(message.Payload);
        ReadOnlySequence<byte> data = default;
        while (reader.TryReadTag(out var tag))
        {
            if (tag == 0x0A)
            {
                data = reader.ReadBytes();
            }
            else
            {
                reader.Skip(tag);
            }
        }

        return data;
    }

    /// <summary>False for a device or a pipe. It is asked without opening, which could block or act.</summary>
    private static bool IsReplaceable(string path) => OperatingSystem.IsLinux()
        ? Libc.StatAt(Libc.AT_FDCWD, WirePath.Terminated(System.Text.Encoding.UTF8.GetBytes(path)), 0, Libc.StatxBasic, out var stat) != 0
            || (stat.Mode & Libc.S_IFMT) is Libc.S_IFREG or Libc.S_IFDIR
        : IsPortablyReplaceable(path);

    /// <summary>.NET does not tell a pipe from an empty file, and an empty file loses nothing when it is written in place. <c>\\.\</c> begins Windows' devices.</summary>
    internal static bool IsPortablyReplaceable(string path) =>
        !path.StartsWith(@"\\.\", StringComparison.Ordinal) && new FileInfo(path) is not { Exists: true, Length: 0 };
}
