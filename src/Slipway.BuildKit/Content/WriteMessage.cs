using System.Buffers;
using System.Text;
using Slipway.BuildKit.FileSync;
using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Wire.Content;

namespace Slipway.BuildKit.Content;

/// <summary>One request on a blob's Write call. Read by hand: a layer's bytes stay where the connection put them.</summary>
/// <remarks>
/// | field | wire | meaning |
/// | 1 action | varint | STAT 0, WRITE 1, COMMIT 2 |
/// | 2 ref | string | kind and digest |
/// | 3 total | varint | size |
/// | 4 expected | string | digest |
/// | 5 offset | varint | where the data goes |
/// | 6 data | bytes | |
/// </remarks>
internal sealed class WriteMessage : IDisposable
{
    private readonly GrpcMessage _message;

    private WriteMessage(GrpcMessage message)
    {
        _message = message;
        var reader = new WireReader(message.Payload);
        while (reader.TryReadTag(out var tag))
        {
            ReadField(tag, ref reader);
        }
    }

    public WriteAction Action { get; private set; }

    public string Ref { get; private set; } = "";

    public string Expected { get; private set; } = "";

    public long Total { get; private set; }

    public long Offset { get; private set; }

    /// <summary>Valid until the message is disposed.</summary>
    public ReadOnlySequence<byte> Data { get; private set; }

    /// <summary>The next one; null when the engine has no more to say about the blob.</summary>
    public static async ValueTask<WriteMessage?> ReadAsync(IGrpcStream call, CancellationToken cancellation)
    {
        var message = await call.ReadAsync(cancellation);
        try
        {
            return message is null ? null : new WriteMessage(message);
        }
        catch (InvalidDataException problem)
        {
            message!.Dispose();
            throw new GrpcStatusException(GrpcStatusCode.InvalidArgument, problem.Message, inner: problem);
        }
    }

    public void Dispose() => _message.Dispose();

    private void ReadField(uint tag, ref WireReader reader)
    {
        switch (tag)
        {
            case 0x08:
                Action = (WriteAction)reader.ReadVarint();
                break;
            case 0x12:
                Ref = Encoding.UTF8.GetString(reader.ReadBytes());
                break;
            case 0x18:
                Total = (long)reader.ReadVarint();
                break;
            case 0x22:
                Expected = Encoding.UTF8.GetString(reader.ReadBytes());
                break;
            case 0x28:
                Offset = (long)reader.ReadVarint();
                break;
            case 0x32:
                Data = reader.ReadBytes();
                break;
            default:
                reader.Skip(tag);
                break;
        }
    }
}
