using System.Buffers;
using Google.Protobuf;

namespace Slipway.Builder.Proxying;

/// <summary>Sees the messages of a response, one by one.</summary>
internal abstract class MessageWatch : CallWatch
{
    private readonly ArrayBufferWriter<byte> _framed = new();

    public override bool Reads => true;

    /// <summary>What may wait here for the rest of its message; of more, nothing is read any further.</summary>
    protected abstract int BytesMax { get; }

    public override void Observe(ReadOnlySpan<byte> response)
    {
        if (_framed.WrittenCount + response.Length > BytesMax)
        {
            return;
        }

        _framed.Write(response);
        while (GrpcBlocks.Announced(_framed.WrittenSpan) is { } length && _framed.WrittenCount >= GrpcBlocks.PrefixLength + length)
        {
            TakeNext(GrpcBlocks.PrefixLength + (int)length);
        }
    }

    /// <summary>May throw for what cannot be read: the message is passed over.</summary>
    protected abstract void Take(ReadOnlySpan<byte> message);

    private void TakeNext(int end)
    {
        try
        {
            Take(_framed.WrittenSpan[GrpcBlocks.PrefixLength..end]);
        }
        catch (InvalidProtocolBufferException)
        {
            // The client will say so.
        }

        var rest = _framed.WrittenSpan[end..].ToArray();
        _framed.Clear();
        _framed.Write(rest);
    }
}
