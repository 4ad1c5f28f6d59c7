using System.Collections;
using Slipway.BuildKit.Http2;

namespace Slipway.BuildKit.Grpc;

/// <summary>gRPC metadata: ordered, names in lower case, repeated names kept as separate entries.</summary>
public sealed class Metadata : IReadOnlyList<HeaderField>
{
    private readonly List<HeaderField> _entries = [];

    public Metadata()
    {
    }

    public Metadata(IEnumerable<HeaderField> entries) => _entries.AddRange(entries);

    public int Count => _entries.Count;

    public HeaderField this[int index] => _entries[index];

    public void Add(string name, string value) => _entries.Add(new HeaderField(name, value));

    /// <summary>The first value of <paramref name="name"/>, or null.</summary>
    public string? First(string name)
    {
        foreach (var entry in _entries)
        {
            if (entry.Name == name)
            {
                return entry.Value;
            }
        }

        return null;
    }

    /// <summary>Every value of <paramref name="name"/>, in order.</summary>
    public IReadOnlyList<string> All(string name)
    {
        List<string>? values = null;
        foreach (var entry in _entries)
        {
            if (entry.Name == name)
            {
                (values ??= []).Add(entry.Value);
            }
        }

        return values ?? (IReadOnlyList<string>)[];
    }

    public IEnumerator<HeaderField> GetEnumerator() => _entries.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
