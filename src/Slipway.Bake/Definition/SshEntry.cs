using Slipway.Bake.Values;

namespace Slipway.Bake.Definition;

/// <summary>An agent or keys by name.</summary>
internal sealed record SshEntry(string Id, IReadOnlyList<string> Paths)
{
    public static HclType ValueType { get; } = HclType.Object(
        [new("id", HclType.String), new("paths", HclType.List(HclType.String))], ["id", "paths"]);

    /// <summary>What <c>--ssh</c> takes.</summary>
    public string Text => Paths.Count == 0 ? Id : $"{Id}={string.Join(',', Paths)}";

    public static SshEntry Parse(string text)
    {
        var equals = text.IndexOf('=', StringComparison.Ordinal);
        return equals < 0 ? new SshEntry(text, []) : new SshEntry(text[..equals], text[(equals + 1)..].Split(','));
    }

    public static List<SshEntry> Read(HclValue value) => Entries.Read(value, ValueType, text => [Parse(text)], From);

    private static SshEntry From(HclValue value)
    {
        var entries = Conversion.To(value, ValueType).Entries;
        return new SshEntry(
            entries["id"] is { IsNull: false } id ? id.Text : "",
            entries["paths"] is { IsNull: false } paths ? [.. paths.Items.Select(path => path.Text)] : []);
    }
}
