using System.Globalization;
using Slipway.Bake.Definition;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Slipway.Bake.Compose;

/// <summary>Reads YAML into values: anchors, aliases and merge keys are resolved.</summary>
internal sealed class YamlReader
{
    /// <summary>Aliases multiply; a file that unfolds to more is no Compose file but an attack.</summary>
    private const int ValuesMax = 100_000;

    private const int DepthMax = 100;

    private readonly Dictionary<AnchorName, YamlValue> _anchors = [];
    private readonly Parser _parser;
    private int _values;

    private YamlReader(string text) => _parser = new Parser(new StringReader(text));

    /// <summary>The documents of a file.</summary>
    /// <exception cref="BakeException">The text is not YAML.</exception>
    public static IReadOnlyList<YamlValue> Read(string name, string text)
    {
        try
        {
            return new YamlReader(text).Documents();
        }
        catch (YamlException problem)
        {
            throw new BakeException(string.Create(CultureInfo.InvariantCulture, $"failed to parse {name}: yaml: line {problem.Start.Line}: {problem.Message}"), problem);
        }
        catch (InvalidOperationException problem)
        {
            // How the parser answers some breaks of the grammar.
            throw new BakeException($"failed to parse {name}: yaml: this is not valid YAML", problem);
        }
        catch (BakeException problem)
        {
            throw new BakeException($"failed to parse {name}: {problem.Message}", problem);
        }
    }

    private List<YamlValue> Documents()
    {
        var documents = new List<YamlValue>();
        _parser.Consume<StreamStart>();
        while (_parser.TryConsume<DocumentStart>(out _))
        {
            documents.Add(Value(0));
            _parser.Consume<DocumentEnd>();
        }

        return documents;
    }

    private YamlValue Value(int depth)
    {
        if (depth > DepthMax || ++_values > ValuesMax)
        {
            throw new BakeException(depth > DepthMax ? "yaml: nested too deeply" : "yaml: too many values");
        }

        if (_parser.TryConsume<AnchorAlias>(out var alias))
        {
            return Copied(_anchors.GetValueOrDefault(alias.Value) ?? throw new BakeException($"yaml: line {alias.Start.Line}: unknown anchor '{alias.Value}' referenced"));
        }

        var start = _parser.Current as NodeEvent ?? throw new BakeException("yaml: a value is expected");
        var value = Node(start, depth);
        if (!start.Anchor.IsEmpty)
        {
            _anchors[start.Anchor] = value;
        }

        return value;
    }

    private YamlValue Node(NodeEvent start, int depth)
    {
        var tag = start.Tag.IsEmpty || start.Tag.IsNonSpecific ? "" : start.Tag.Value;
        var line = (int)start.Start.Line;
        if (_parser.TryConsume<Scalar>(out var scalar))
        {
            return new YamlText(scalar.Value, scalar.Style == ScalarStyle.Plain) { Tag = tag, Line = line };
        }

        if (_parser.TryConsume<SequenceStart>(out _))
        {
            var items = new List<YamlValue>();
            while (!_parser.TryConsume<SequenceEnd>(out _))
            {
                items.Add(Value(depth + 1));
            }

            return new YamlList(items) { Tag = tag, Line = line };
        }

        return Map(tag, line, depth);
    }

    private YamlMap Map(string tag, int line, int depth)
    {
        _parser.Consume<MappingStart>();
        var map = new YamlMap { Tag = tag, Line = line };
        var merged = new List<YamlMap>();
        while (!_parser.TryConsume<MappingEnd>(out _))
        {
            var key = _parser.Consume<Scalar>();
            var value = Value(depth + 1);
            if (key.Value == "<<" && key.Style == ScalarStyle.Plain)
            {
                merged.AddRange(value is YamlList list ? list.Items.OfType<YamlMap>() : value is YamlMap one ? [one] : throw new BakeException($"yaml: line {line}: map merge requires map or sequence of maps as the value"));
            }
            else if (map[key.Value] is not null)
            {
                throw new BakeException(string.Create(CultureInfo.InvariantCulture, $"yaml: line {key.Start.Line}: mapping key \"{key.Value}\" already defined"));
            }
            else
            {
                map[key.Value] = value;
            }
        }

        foreach (var (key, value) in merged.SelectMany(one => one.Entries))
        {
            map[key] ??= value;
        }

        return map;
    }

    /// <summary>An alias is a value of its own: what is merged into it must not show at the anchor.</summary>
    private YamlValue Copied(YamlValue value)
    {
        if (++_values > ValuesMax)
        {
            throw new BakeException("yaml: too many values");
        }

        switch (value)
        {
            case YamlMap map:
                var copy = new YamlMap { Tag = map.Tag, Line = map.Line };
                foreach (var (key, entry) in map.Entries)
                {
                    copy[key] = Copied(entry);
                }

                return copy;
            case YamlList list:
                return new YamlList([.. list.Items.Select(Copied)]) { Tag = list.Tag, Line = list.Line };
            default:
                return value;
        }
    }
}
