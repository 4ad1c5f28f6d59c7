using System.Buffers;
using CsCheck;
using Slipway.Contract.Connect;
using Xunit;

namespace Slipway.Tests.Contract;

/// <summary>The frame that Connect and gRPC share.</summary>
public sealed class EnvelopeTests
{
    private static readonly Gen<(byte Flags, byte[] Payload)> Any = Gen.Select(Gen.Byte, Gen.Byte.Array[0, 64]);

    [Fact]
    public void What_is_framed_reads_back() => Any.Sample(any =>
    {
        var input = new ReadOnlySequence<byte>(Envelope.Frame(any.Flags, any.Payload));
        Assert.True(Envelope.TryRead(ref input, 64, out var read));
        Assert.Equal(any.Flags, read.Flags);
        Assert.Equal(any.Payload, read.Payload.ToArray());
        Assert.True(input.IsEmpty);
    });

    [Fact]
    public void A_part_of_an_envelope_is_left_where_it_is() => Any.Sample(any =>
    {
        var whole = Envelope.Frame(any.Flags, any.Payload);
        for (var length = 0; length < whole.Length; length++)
        {
            var input = new ReadOnlySequence<byte>(whole, 0, length);
            Assert.False(Envelope.TryRead(ref input, 64, out _));
            Assert.Equal(length, input.Length);
        }
    });

    [Theory]
    [InlineData(0, 0, 0, 17)]
    [InlineData(255, 255, 255, 255)]
    public void An_announced_length_over_the_limit_is_refused_before_it_is_there(byte a, byte b, byte c, byte d)
    {
        var input = new ReadOnlySequence<byte>([0, a, b, c, d]);
        Assert.Throws<InvalidDataException>(() => Envelope.TryRead(ref input, 16, out _));
    }
}
