namespace Slipway.Bake.Definition;

/// <summary>A definition cannot be used, and the place in the file is not what matters; the message is for the user.</summary>
internal sealed class BakeException(string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>Tells of faults that have nothing to do with each other in one message, a line each.</summary>
    public static void ThrowIfAny(IEnumerable<string> faults)
    {
        if (string.Join('\n', faults.Distinct(StringComparer.Ordinal)) is { Length: > 0 } all)
        {
            throw new BakeException(all);
        }
    }

    /// <summary>Reads every part, also behind one that is at fault.</summary>
    public static void ForEach<T>(IEnumerable<T> parts, Action<T> read)
    {
        var faults = new List<string>();
        foreach (var part in parts)
        {
            try
            {
                read(part);
            }
            catch (BakeException fault)
            {
                faults.Add(fault.Message);
            }
        }

        ThrowIfAny(faults);
    }
}
