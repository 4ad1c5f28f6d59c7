using System.Text;
using System.Text.Json;

namespace Depot.Cli.Docker.Configure;

/// <summary>Sets and removes one text in a JSON document, and leaves every other byte as its owner wrote it.</summary>
/// <remarks>What <see cref="Set"/> adds stands at the end of its object, so that <see cref="Remove"/> gives back the bytes from before.</remarks>
internal static class JsonEdit
{
    /// <summary>The text at <paramref name="path"/>; null when there is none.</summary>
    public static string? Get(ReadOnlySpan<byte> document, params ReadOnlySpan<string> path)
    {
        var place = ObjectPlace.Find(document, path[0]);
        if (place.Value is not { } range)
        {
            return null;
        }

        var value = document[range];
        if (path.Length > 1)
        {
            return value[0] == '{' ? Get(value, path[1..]) : null;
        }

        return value[0] == '"' ? Unquote(value) : null;
    }

    public static byte[] Set(ReadOnlySpan<byte> document, string value, params ReadOnlySpan<string> path)
    {
        var place = ObjectPlace.Find(document, path[0]);
        if (place.Value is { } range)
        {
            var inner = path.Length > 1 && document[range][0] == '{' ? Set(document[range], value, path[1..]) : Fresh(value, path[1..], place.Indent);
            return Splice(document, range, inner);
        }

        var indent = place.Indent;
        var property = Encoding.UTF8.GetBytes($"{indent}{Quote(path[0])}:{(indent.Length > 0 ? " " : "")}{Encoding.UTF8.GetString(Fresh(value, path[1..], indent))}");
        if (place.IsEmpty)
        {
            return Splice(document, place.Inside, [.. property, .. Encoding.UTF8.GetBytes(Outdent(indent))]);
        }

        return Splice(document, place.End..place.End, [(byte)',', .. property]);
    }

    /// <summary>Takes the text away, and the objects around it that it leaves empty.</summary>
    public static byte[] Remove(ReadOnlySpan<byte> document, params ReadOnlySpan<string> path)
    {
        var place = ObjectPlace.Find(document, path[0]);
        if (place.Value is not { } range)
        {
            return document.ToArray();
        }

        if (path.Length > 1 && document[range][0] == '{')
        {
            var rest = Remove(document[range], path[1..]);
            if (!ObjectPlace.Find(rest, "").IsEmpty)
            {
                return Splice(document, range, rest);
            }
        }

        return Splice(document, place.Property, []);
    }

    /// <summary>Objects around a value that no document has yet.</summary>
    private static byte[] Fresh(string value, ReadOnlySpan<string> path, string indent)
    {
        if (path.IsEmpty)
        {
            return Encoding.UTF8.GetBytes(Quote(value));
        }

        var deeper = indent.Length == 0 ? "" : indent + Unit(indent);
        var inner = Encoding.UTF8.GetString(Fresh(value, path[1..], deeper));
        return Encoding.UTF8.GetBytes($"{{{deeper}{Quote(path[0])}:{(indent.Length > 0 ? " " : "")}{inner}{indent}}}");
    }

    /// <summary>One step of indentation: a document's own objects stand one step in.</summary>
    private static string Unit(string indent) => indent.TrimStart('\r', '\n');

    private static string Outdent(string indent) => indent.Length == 0 ? "" : indent[..^Unit(indent).Length];

    private static byte[] Splice(ReadOnlySpan<byte> document, Range range, ReadOnlySpan<byte> replacement)
    {
        var (offset, length) = range.GetOffsetAndLength(document.Length);
        return [.. document[..offset], .. replacement, .. document[(offset + length)..]];
    }

    private static string Quote(string text) => $"\"{JsonEncodedText.Encode(text)}\"";

    private static string? Unquote(ReadOnlySpan<byte> text)
    {
        var reader = new Utf8JsonReader(text);
        reader.Read();
        return reader.GetString();
    }

    /// <summary>Where a property stands in an object, or would.</summary>
    private readonly record struct ObjectPlace
    {
        /// <summary>The property's value.</summary>
        public Range? Value { get; private init; }

        /// <summary>The property and the comma that joins it to its neighbour.</summary>
        public Range Property { get; private init; }

        /// <summary>Behind the last property.</summary>
        public int End { get; private init; }

        /// <summary>Between the braces.</summary>
        public Range Inside { get; private init; }

        public bool IsEmpty { get; private init; }

        /// <summary>What stands before each property; empty in a document on one line.</summary>
        public string Indent { get; private init; }

        public static ObjectPlace Find(ReadOnlySpan<byte> document, string name)
        {
            var reader = new Utf8JsonReader(document);
            reader.Read();
            var begin = (int)reader.BytesConsumed;
            int end = begin, start = 0, previous = 0;
            Range? value = null, property = null;
            var indent = "\n\t";
            var takesComma = false;
            var first = true;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                start = (int)reader.TokenStartIndex;
                if (first)
                {
                    indent = IndentOf(document[begin..start]);
                }
                else if (takesComma)
                {
                    // The first property goes with the comma behind it.
                    property = property!.Value.Start..start;
                    takesComma = false;
                }

                var found = reader.ValueTextEquals(name);
                previous = end;
                reader.Read();
                var valueStart = (int)reader.TokenStartIndex;
                reader.Skip();
                end = (int)reader.BytesConsumed;
                if (found)
                {
                    value = valueStart..end;
                    property = (first ? start : previous)..end;
                    takesComma = first;
                }

                first = false;
            }

            var inside = begin..(int)reader.TokenStartIndex;
            return new ObjectPlace
            {
                Value = value,

                // The only property leaves nothing behind.
                Property = takesComma ? inside : property ?? default,
                End = end,
                Inside = inside,
                IsEmpty = first,
                Indent = indent,
            };
        }

        private static string IndentOf(ReadOnlySpan<byte> between)
        {
            var text = Encoding.UTF8.GetString(between);
            return text.Contains('\n', StringComparison.Ordinal) ? text[text.LastIndexOf('\n')..] : "";
        }
    }
}
