using System.Globalization;
using System.Text;

namespace Slipway.BuildKit.Upload;

/// <summary>A context that came through a pipe: its first bytes tell whether it is an archive or a Dockerfile.</summary>
public sealed class StdinContext
{
    // Enough for a tar header with its padding; docker looks at as much.
    private const int HeadBytes = 1024;

    private readonly Stream _input;
    private readonly byte[] _head;

    private StdinContext(Stream input, byte[] head)
    {
        _input = input;
        _head = head;
    }

    /// <summary>A tar archive, plain or compressed with gzip, bzip2 or xz; anything else is a Dockerfile.</summary>
    public bool IsArchive => IsArchiveHead(_head);

    public bool IsEmpty => _head.Length == 0;

    public static async Task<StdinContext> ReadAsync(Stream input, CancellationToken cancellation)
    {
        var head = new byte[HeadBytes];
        var length = await input.ReadAtLeastAsync(head, HeadBytes, throwOnEndOfStream: false, cancellation);
        return new StdinContext(input, head[..length]);
    }

    /// <summary>Everything, the bytes already looked at included. Can be read once; disposing it disposes the input.</summary>
    public Stream Open() => new HeadedStream(_head, _input);

    internal static bool IsArchiveHead(ReadOnlySpan<byte> head) =>
        head.StartsWith("BZh"u8)
        || head.StartsWith((ReadOnlySpan<byte>)[0x1F, 0x8B, 0x08])
        || head.StartsWith((ReadOnlySpan<byte>)[0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00])
        || IsTarHeader(head);

    /// <summary>A tar header: 512 bytes whose checksum (octal, at 148, counted as blanks) is their sum; or the two empty blocks of an empty archive.</summary>
    private static bool IsTarHeader(ReadOnlySpan<byte> head)
    {
        if (head.Length < 512)
        {
            return false;
        }

        var block = head[..512];
        if (!block.ContainsAnyExcept((byte)0))
        {
            return head.Length >= HeadBytes && !head.ContainsAnyExcept((byte)0);
        }

        // Old archivers summed signed bytes.
        long unsigned = 0;
        long signed = 0;
        for (var i = 0; i < block.Length; i++)
        {
            var value = i is >= 148 and < 156 ? (byte)' ' : block[i];
            unsigned += value;
            signed += (sbyte)value;
        }

        return TryReadOctal(block.Slice(148, 8), out var checksum) && (checksum == unsigned || checksum == signed);
    }

    private static bool TryReadOctal(ReadOnlySpan<byte> field, out long value)
    {
        var text = Encoding.ASCII.GetString(field.Trim([(byte)' ', (byte)0]));
        value = 0;
        foreach (var digit in text)
        {
            if (digit is < '0' or > '7')
            {
                return false;
            }

            value = (value * 8) + CharUnicodeInfo.GetDecimalDigitValue(digit);
        }

        return text.Length > 0;
    }

    /// <summary>Some bytes, then a stream.</summary>
    private sealed class HeadedStream(ReadOnlyMemory<byte> head, Stream rest) : ForwardStream
    {
        private ReadOnlyMemory<byte> _head = head;

        public override bool CanRead => true;

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override int Read(Span<byte> buffer) => _head.IsEmpty ? rest.Read(buffer) : TakeHead(buffer);

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            _head.IsEmpty ? rest.ReadAsync(buffer, cancellationToken) : ValueTask.FromResult(TakeHead(buffer.Span));

        public override async ValueTask DisposeAsync()
        {
            await rest.DisposeAsync();
            await base.DisposeAsync();
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                rest.Dispose();
            }

            base.Dispose(disposing);
        }

        private int TakeHead(Span<byte> buffer)
        {
            var length = Math.Min(buffer.Length, _head.Length);
            _head.Span[..length].CopyTo(buffer);
            _head = _head[length..];
            return length;
        }
    }
}
