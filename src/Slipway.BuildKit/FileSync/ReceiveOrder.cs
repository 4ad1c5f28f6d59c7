namespace Slipway.BuildKit.FileSync;

/// <summary>Judges every received path before anything is done with it: relative, clean, inside, in order, its folder announced before it.</summary>
internal sealed class ReceiveOrder
{
    private readonly Stack<Open> _open = new();

    public ReceiveOrder() => _open.Push(new Open([]));

    /// <exception cref="InvalidDataException">The path may not be written.</exception>
    public void Accept(byte[] path, bool isFolder)
    {
        Check(path);
        var parent = WirePath.Parent(path);
        while (!parent.SequenceEqual(_open.Peek().Path))
        {
            _open.Pop();
            if (_open.Count == 0)
            {
                throw OutOfOrder(path);
            }
        }

        var folder = _open.Peek();
        var name = WirePath.Name(path);
        if (name.SequenceCompareTo(folder.LastName) <= 0)
        {
            throw OutOfOrder(path);
        }

        folder.LastName = name.ToArray();
        if (isFolder)
        {
            _open.Push(new Open(path));
        }
    }

    /// <exception cref="InvalidDataException">The path could leave the folder it is relative to.</exception>
    public static void Check(byte[] path)
    {
        var isInside = path.Length > 0 && path[0] != '/' && !path.AsSpan().Contains((byte)0)
            && path.AsSpan().SequenceEqual(WirePath.Clean(path))
            && !path.AsSpan().SequenceEqual("."u8) && !path.AsSpan().SequenceEqual(".."u8) && !path.AsSpan().StartsWith("../"u8);
        if (!isInside)
        {
            throw new InvalidDataException($"the engine sent the path \"{WirePath.Show(path)}\", which is not a clean path inside the destination");
        }
    }

    private static InvalidDataException OutOfOrder(byte[] path) => new($"the engine sent the path \"{WirePath.Show(path)}\" out of order");

    private sealed class Open(byte[] path)
    {
        public byte[] Path => path;

        public byte[] LastName { get; set; } = [];
    }
}
