using System.Globalization;
using System.Text;
using Slipway.Bake.Values;

namespace Slipway.Bake.Hcl;

/// <summary>Reads JSON and remembers where everything stood, which no parser of the platform does.</summary>
/// <remarks>Behind a fault it goes on at the next item of the same object or array, so that one run tells of all of them.</remarks>
internal sealed class JsonParser(SourceText source)
{
    private const int DepthMax = 200;

    private readonly FaultList _faults = new();
    private readonly string _text = source.Text;
    private int _at;
    private int _depth;

    /// <summary>Brackets do not match: what follows could only be guessed at.</summary>
    private bool _lost;

    /// <exception cref="HclException">The text is not JSON.</exception>
    public static JsonNode Parse(SourceText source)
    {
        var parser = new JsonParser(source);
        JsonNode? value = null;
        parser._faults.Try(() => value = parser.Document());
        parser._faults.ThrowIfAny();
        return value!;
    }

    private JsonNode Document()
    {
        var value = Value();
        SkipBlank();
        return _at == _text.Length ? value : throw Error("Extraneous data after value", "There is more after the end of the value.");
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
        Items('}', "Missing attribute seperator comma", "A comma must stand between two properties.", "Trailing comma in object", "property", () =>
        {
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
        });
        return new JsonObject(properties, source.Range(start, _at));
    }

    private JsonArray Array()
    {
        var start = _at++;
        var items = new List<JsonNode>();
        Items(']', "Missing item separator comma", "A comma must stand between two items.", "Trailing comma in array", "item", () => items.Add(Value()));
        return new JsonArray(items, source.Range(start, _at));
    }

    private void Items(char end, string missing, string missingDetail, string trailing, string noun, Action read)
    {
        for (var first = true; !Take(end); first = false)
        {
            var depth = _depth;
            try
            {
                if (!first && !Take(','))
                {
                    throw Error(missing, missingDetail);
                }

                SkipBlank();
                if (Current == end && !first)
                {
                    throw Error(trailing, $"JSON allows no comma after the last {noun}.");
                }

                read();
            }
            catch (HclException fault)
            {
                _depth = depth;
                _faults.Add(fault);
                _lost = _lost || !SkipTo(end);
                if (_lost)
                {
                    throw;
                }
            }
        }
    }

    /// <summary>Behind a fault: to the comma or the bracket that ends the item. False where another bracket, or nothing, comes first.</summary>
    private bool SkipTo(char end)
    {
        var open = 0;
        for (; _at < _text.Length; _at++)
        {
            switch (Current)
            {
                case '"':
                    SkipText();
                    break;
                case '{' or '[':
                    open++;
                    break;
                case ',' when open == 0:
                    return true;
                case '}' or ']' when open == 0:
                    return Current == end;
                case '}' or ']':
                    open--;
                    break;
            }
        }

        return false;
    }

    /// <summary>To the quotation mark that closes a string; one that is not closed ends with its line.</summary>
    private void SkipText()
    {
        _at++;
        while (_at < _text.Length && Current is not ('"' or '\n'))
        {
            _at += Current == '\\' ? 2 : 1;
        }

        _at = Math.Min(_at, _text.Length - 1);
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
        if (letter < ' ' || place < 0)
        {
            // Inside a string there is no way to find its end but to read on.
            _faults.Add(Error("Invalid JSON string", "There is no such escape."));
        }

        _at += letter < ' ' ? 1 : 2;
        return "\"\\/\b\f\n\r\t"[Math.Max(place, 0)];
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
