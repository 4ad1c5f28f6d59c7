namespace Slipway.Bake.Hcl;

/// <summary>A body in the JSON notation: the properties of an object, or of several.</summary>
internal sealed class JsonBody : HclBody
{
    private readonly IReadOnlyList<JsonObject> _objects;

    private JsonBody(JsonNode node)
    {
        Range = node.Range;
        _objects = node switch
        {
            JsonObject one => [one],
            JsonArray several => [.. several.Items.Select(Object)],
            _ => [Object(node)],
        };
    }

    public override SourceRange Range { get; }

    /// <exception cref="HclException">The text is not JSON, or not an object.</exception>
    public static JsonBody ParseFile(SourceText source) => new(JsonParser.Parse(source));

    public override IReadOnlyList<HclAttribute> Attributes(IReadOnlyCollection<string> blockTypes)
    {
        var attributes = new List<HclAttribute>();
        foreach (var (name, value) in Properties.Where(property => !blockTypes.Contains(property.Name.Text)))
        {
            if (attributes.Find(known => known.Name == name.Text) is { } earlier)
            {
                throw new HclException("Attribute redefined", $"The argument \"{name.Text}\" was already set at {earlier.NameRange}; it may be set once.", name.Range);
            }

            attributes.Add(new HclAttribute(name.Text, name.Range, new JsonExpression(value)));
        }

        return attributes;
    }

    public override IEnumerable<HclBlock> Blocks(string type, int labels) =>
        Properties.Where(property => property.Name.Text == type).SelectMany(property => Unpack(type, property.Value, labels, [], property.Name.Range));

    /// <summary>The name <c>//</c> is how JSON files are commented.</summary>
    private IEnumerable<(JsonText Name, JsonNode Value)> Properties => _objects.SelectMany(one => one.Properties).Where(property => property.Name.Text != "//");

    /// <summary>Every label is one more level of objects; an array on any level holds several.</summary>
    private static IEnumerable<HclBlock> Unpack(string type, JsonNode node, int labels, IReadOnlyList<HclLabel> found, SourceRange range)
    {
        if (labels > 0)
        {
            var objects = node is JsonArray several ? several.Items.Select(Object) : [Object(node)];
            return objects.SelectMany(one => one.Properties)
                .SelectMany(property => Unpack(type, property.Value, labels - 1, [.. found, new HclLabel(property.Name.Text, property.Name.Range)], range));
        }

        return node switch
        {
            JsonArray bodies => bodies.Items.Select(body => new HclBlock(type, found, new JsonBody(body), range)),
            JsonScalar { Value.IsNull: true } => [],
            _ => [new HclBlock(type, found, new JsonBody(node), range)],
        };
    }

    private static JsonObject Object(JsonNode node) => node as JsonObject
        ?? throw new HclException("Incorrect JSON value type", "A JSON object is required here.", node.Range);
}
