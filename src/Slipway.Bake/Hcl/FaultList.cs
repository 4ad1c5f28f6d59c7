namespace Slipway.Bake.Hcl;

/// <summary>Collects the faults of parts that can be read without each other, so that one run tells of all of them.</summary>
internal sealed class FaultList
{
    private readonly List<HclException> _faults = [];

    public int Count => _faults.Count;

    public void Add(HclException fault) => _faults.Add(fault);

    /// <summary>Reads every part, also behind one that is at fault.</summary>
    /// <exception cref="HclException">Parts are at fault.</exception>
    public static void ForEach<T>(IEnumerable<T> parts, Action<T> read)
    {
        var faults = new FaultList();
        foreach (var part in parts)
        {
            faults.Try(() => read(part));
        }

        faults.ThrowIfAny();
    }

    /// <inheritdoc cref="ForEach"/>
    public static List<TResult> Select<T, TResult>(IEnumerable<T> parts, Func<T, TResult> read)
    {
        var results = new List<TResult>();
        ForEach(parts, part => results.Add(read(part)));
        return results;
    }

    public void Try(Action read)
    {
        try
        {
            read();
        }
        catch (HclException fault)
        {
            Add(fault);
        }
    }

    public void ThrowIfAny()
    {
        if (_faults.Count > 0)
        {
            throw HclException.Of(_faults);
        }
    }
}
