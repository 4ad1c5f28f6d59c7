using System.Buffers;

namespace Slipway.BuildKit.Http2;

/// <summary>A pooled piece of memory that the transport was read into. It goes back to the pool when the reader and
/// every message that points into it have let go.</summary>
internal sealed class ReceiveBlock : IDisposable
{
    private readonly ReceiveBlockCount? _count;
    private int _references = 1;

    private ReceiveBlock(byte[] array, ReceiveBlockCount? count)
    {
        Array = array;
        _count = count;
    }

    public byte[] Array { get; }

    /// <summary>True when nobody but the reader holds the block, so that it can be filled again from its start.</summary>
    public bool IsOnlyMine => Volatile.Read(ref _references) == 1;

    public static ReceiveBlock Rent(int bytes, ReceiveBlockCount count)
    {
        count.Add(1);
        return new ReceiveBlock(ArrayPool<byte>.Shared.Rent(bytes), count);
    }

    /// <summary>A block of its own for a few bytes, so that they do not hold a large one.</summary>
    public static ReceiveBlock Copy(ReadOnlySpan<byte> bytes) => new(bytes.ToArray(), count: null);

    public void Retain() => Interlocked.Increment(ref _references);

    public void Dispose()
    {
        if (Interlocked.Decrement(ref _references) == 0 && _count is not null)
        {
            _count.Add(-1);
            ArrayPool<byte>.Shared.Return(Array);
        }
    }
}

/// <summary>How many pooled blocks one connection has out.</summary>
internal sealed class ReceiveBlockCount
{
    private int _value;

    public int Value => Volatile.Read(ref _value);

    public void Add(int change) => Interlocked.Add(ref _value, change);
}

/// <summary>Bytes of a <see cref="ReceiveBlock"/>, with one reference to it.</summary>
internal readonly record struct ReceivedSlice(ReceiveBlock Block, int Offset, int Length)
{
    public ReadOnlyMemory<byte> Memory => Block.Array.AsMemory(Offset, Length);
}

/// <summary>Slices in the order of their arrival; grows to what the flow-control window lets in.</summary>
internal sealed class ReceivedSlices
{
    private ReceivedSlice[] _ring = new ReceivedSlice[8];
    private int _first;

    public int Count { get; private set; }

    /// <summary>Bytes in all slices together.</summary>
    public int Bytes { get; private set; }

    public void Add(ReceivedSlice slice)
    {
        Bytes += slice.Length;
        if (Count > 0 && TryMerge(slice))
        {
            return;
        }

        if (Count == _ring.Length)
        {
            Grow();
        }

        _ring[(_first + Count++) & (_ring.Length - 1)] = slice;
    }

    /// <summary>Takes up to <paramref name="bytesMax"/> bytes off the first slice. The caller gets a reference of its own.</summary>
    public ReceivedSlice Take(int bytesMax)
    {
        var slice = _ring[_first];
        if (slice.Length <= bytesMax)
        {
            _ring[_first] = default;
            _first = (_first + 1) & (_ring.Length - 1);
            Count--;
            Bytes -= slice.Length;
            return slice;
        }

        slice.Block.Retain();
        _ring[_first] = slice with { Offset = slice.Offset + bytesMax, Length = slice.Length - bytesMax };
        Bytes -= bytesMax;
        return slice with { Length = bytesMax };
    }

    public void Clear()
    {
        while (Count > 0)
        {
            Take(int.MaxValue).Block.Dispose();
        }
    }

    /// <summary>One DATA frame that arrived in several reads is still one run of bytes.</summary>
    private bool TryMerge(ReceivedSlice slice)
    {
        ref var last = ref _ring[(_first + Count - 1) & (_ring.Length - 1)];
        if (last.Block != slice.Block || last.Offset + last.Length != slice.Offset)
        {
            return false;
        }

        last = last with { Length = last.Length + slice.Length };
        slice.Block.Dispose();
        return true;
    }

    private void Grow()
    {
        var grown = new ReceivedSlice[_ring.Length * 2];
        for (var i = 0; i < Count; i++)
        {
            grown[i] = _ring[(_first + i) & (_ring.Length - 1)];
        }

        _ring = grown;
        _first = 0;
    }
}
