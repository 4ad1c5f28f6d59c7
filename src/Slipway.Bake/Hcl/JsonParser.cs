using System.Globalization;
using System.Text;
using Slipway.Bake.Values;

namespace Slipway.Bake.Hcl;

/// <summary>Reads JSON and remembers where everything stood, which no parser of the platform does.</summary>
internal sealed class JsonParser(SourceText source)
{
    private const int DepthMax = 200;

    private readonly string _text = source.Text;
    private int _at;
    private int _depth;

    /// <exception cref="HclException">The text is not JSON.</exception>
    public static JsonNode Parse(SourceText source)
    {
        var parser = new JsonParser(source);
        var value = parser.Value();
        parser.SkipBlank();
        return parser._at == parser._text.Length ? value : throw parser.Error("Extraneous data after value", "There is more after the end of the value.");
    }

    private char Current => _at < _text.Length ? _text[_at] : '\0';

    private HclException Error(string summary, string detail) => new(summary, detail, source.Range(_at, Math.Min(_at + 1, _text.Length)));

    private void SkipBlank()
    {
        while (Current is ' ' or '\t' or '\r' or '\n' || (_at == 0 && Current == '\ufeff'))
        {
            _at++;
        }
    }

    private bool Take(char mark)
    {
        SkipBlank();
        if (Current != mark || _at >= _text.Length)
        {
            return false;
        }

        _at++;
        return true;
    }

    private JsonNode Value()
    {
        if (++_depth > DepthMax)
        {
            throw Error("Value nested too deeply", $"A value may be nested {DepthMax} deep.");
        }

        SkipBlank();
        JsonNode value = Current switch
        {
            '{' => Object(),
            '[' => Array(),
            '"' => Text(),
            '-' or (>= '0' and <= '9') => Number(),
            _ => Word(),
        };
        _depth--;
        return value;
    }

    private JsonObject Object()
    {
        var start = _at++;
        var properties = new List<(JsonText, JsonNode)>();
        while (!Take('}'))
        {
            if (properties.Count > 0 && !Take(','))
            {
                throw Error("Missing attribute seperator comma", "A comma must stand between two properties.");
            }

            SkipBlank();
            if (Current == '}' && properties.Count > 0)
            {
                throw Error("Trailing comma in object", "JSON allows no comma after the last property.");
            }

            if (Current != '"')
            {
                throw Error("Invalid object property name", "A property's name must be in double quotes.");
            }

            var name = Text();
            if (!Take(':'))
            {
                throw Error("Missing property value colon", "A colon must stand between a property's name and its value.");
            }

            properties.Add((name, Value()));
        }

        return new JsonObject(properties, source.Range(start, _at));
    }

    private JsonArray Array()
    {
        var start = _at++;
        var items = new List<JsonNode>();
        while (!Take(']'))
        {
            if (items.Count > 0 && !Take(','))
            {
                throw Error("Missing item separator comma", "A comma must stand between two items.");
            }

            SkipBlank();
            if (Current == ']' && items.Count > 0)
            {
                throw Error("Trailing comma in array", "JSON allows no comma after the last item.");
            }

            items.Add(Value());
        }

        return new JsonArray(items, source.Range(start, _at));
    }

    private JsonText Text()
    {
        var start = _at++;
        var text = new StringBuilder();
        while (Current != '"')
        {
            if (Current < ' ')
            {
                throw Error("Invalid JSON string", _at >= _text.Length ? "The string has no closing quote." : "A control character must be escaped.");
            }

            text.Append(Current == '\\' ? Escape() : _text[_at++]);
        }

        _at++;
        return new JsonText(text.ToString(), source.Range(start, _at));
    }

    private char Escape()
    {
        var letter = _at + 1 < _text.Length ? _text[_at + 1] : '\0';
        if (letter == 'u' && _at + 6 <= _text.Length && ushort.TryParse(_text.AsSpan(_at + 2, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code))
        {
            _at += 6;
            return (char)code;
        }

        const string letters = "\"\\/bfnrt";
        var place = letters.IndexOf(letter, StringComparison.Ordinal);
        if (letter == '\0' || place < 0)
        {
            throw Error("Invalid JSON string", "There is no such escape.");
        }

        _at += 2;
        return "\"\\/\b\f\n\r\t"[place];
    }

    private JsonScalar Number()
    {
        var start = _at;
        while (Current is (>= '0' and <= '9') or '-' or '+' or '.' or 'e' or 'E')
        {
            _at++;
        }

        return HclNumber.Parse(_text.AsSpan(start, _at - start)) is { } number
            ? new JsonScalar(HclValue.Of(number), source.Range(start, _at))
            : throw Error("Invalid JSON number", "This is not a number.");
    }

    private JsonScalar Word()
    {
        var start = _at;
        while (char.IsAsciiLetter(Current))
        {
            _at++;
        }

        var word = _text[start.._at];
        var value = word switch
        {
            "true" => HclValue.True,
            "false" => HclValue.False,
            "null" => HclValue.Nothing,
            _ => throw Error("Invalid JSON value", word.Length > 0 ? $"\"{word}\" is no JSON value; a string must be in double quotes." : "A value is expected here."),
        };
        return new JsonScalar(value, source.Range(start, _at));
    }
}
