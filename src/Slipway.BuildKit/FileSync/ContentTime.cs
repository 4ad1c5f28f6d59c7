using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Slipway.BuildKit.FileSync;

/// <summary>A modification time that says nothing but what is in the file.</summary>
/// <remarks>
/// It lies on 2000-01-01 (UTC), and which nanosecond of that day it is comes from the content's SHA-256: 46 bits, so that a change that
/// keeps a file's size goes unseen once in 86,400,000,000,000 times. A day in the past, because some tools (autoconf's sanity check) refuse sources from the
/// future; one day, because image layers keep whole seconds and people read them.
/// </remarks>
internal sealed class ContentTime : IDisposable
{
    /// <summary>2000-01-01T00:00:00Z: of folders, links and whatever has no content.</summary>
    public const long Midnight = 946_684_800L * 1_000_000_000;

    /// <summary>Of an empty file.</summary>
    public static readonly long OfNothing = Of(SHA256.HashData([]));

    private const ulong NanosecondsPerDay = 86_400UL * 1_000_000_000;

    private const int PieceBytes = 128 * 1024;

    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    public void Append(ReadOnlySpan<byte> content) => _hash.AppendData(content);

    /// <summary>The time of all that was appended; begins anew.</summary>
    public long Finish()
    {
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        _hash.GetHashAndReset(digest);
        return Of(digest);
    }

    public void Dispose() => _hash.Dispose();

    /// <summary>Reads a file to its end; null when it cannot be read, which is for whoever sends it to say.</summary>
    public static long? OfFile(SourceFile file)
    {
        var piece = ArrayPool<byte>.Shared.Rent(PieceBytes);
        try
        {
            return Read(file, piece);
        }
        catch (IOException)
        {
            return null;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(piece);
        }
    }

    private static long Read(SourceFile file, byte[] piece)
    {
        ContentTime? large = null;
        try
        {
            for (long offset = 0; ;)
            {
                var read = file.Read(piece, offset);
                if (offset == 0 && read < piece.Length)
                {
                    // Nearly every file: one read, one hash.
                    Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
                    SHA256.HashData(piece.AsSpan(0, read), digest);
                    return Of(digest);
                }

                if (read == 0)
                {
                    return large!.Finish();
                }

                (large ??= new ContentTime()).Append(piece.AsSpan(0, read));
                offset += read;
            }
        }
        finally
        {
            large?.Dispose();
        }
    }

    private static long Of(ReadOnlySpan<byte> digest) => Midnight + (long)(BinaryPrimitives.ReadUInt64BigEndian(digest) % NanosecondsPerDay);
}
