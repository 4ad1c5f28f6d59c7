namespace Depot.Cli.Rendering;

/// <summary>A list of which one is chosen with the keys: arrows move, letters narrow it down, Enter takes.</summary>
internal sealed class ChoiceList(IReadOnlyList<string> items)
{
    private List<int> _shown = [.. Enumerable.Range(0, items.Count)];
    private int _at;

    /// <summary>What was typed to narrow the list.</summary>
    public string Filter { get; private set; } = "";

    /// <summary>The item under the cursor; null when nothing fits the filter.</summary>
    public int? Current => _shown.Count == 0 ? null : _shown[_at];

    public void Move(int by) => _at = _shown.Count == 0 ? 0 : (_at + by + _shown.Count) % _shown.Count;

    public void Type(char letter) => Narrow(Filter + letter);

    public void Erase() => Narrow(Filter.Length == 0 ? "" : Filter[..^1]);

    /// <summary>At most <paramref name="height"/> items around the cursor, each with whether it is under it.</summary>
    public IEnumerable<(string Text, bool IsCurrent)> Visible(int height)
    {
        var first = Math.Clamp(_at - (height / 2), 0, Math.Max(0, _shown.Count - height));
        return _shown.Skip(first).Take(height).Select((item, i) => (items[item], first + i == _at));
    }

    private void Narrow(string filter)
    {
        Filter = filter;
        _shown = [.. Enumerable.Range(0, items.Count).Where(i => items[i].Contains(filter, StringComparison.OrdinalIgnoreCase))];
        _at = 0;
    }
}
