using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Depot.Cli.Rendering;

/// <summary>Writes JSON byte for byte as Go's encoding/json does, which scripts around docker and depot have come to compare.</summary>
/// <remarks>Differs from System.Text.Json in what is escaped (<c>&lt; &gt; &amp;</c> and U+2028, U+2029 are, other characters beyond
/// ASCII are not; hex digits are lower case) and in the shape of times.</remarks>
internal sealed class GoJsonWriter(OutputBuffer output, bool indented = false)
{
    private readonly Stack<bool> _hasItems = new();
    private bool _afterName;

    public void BeginObject() => Begin("{");

    public void EndObject() => End("}");

    public void BeginArray() => Begin("[");

    public void EndArray() => End("]");

    public void Name(string name)
    {
        Separate();
        Quoted(name);
        output.Write(indented ? ": " : ":");
        _afterName = true;
    }

    public void String(string value)
    {
        Separate();
        Quoted(value);
    }

    public void Number(long value)
    {
        Separate();
        output.Write(value.ToString(CultureInfo.InvariantCulture));
    }

    public void Boolean(bool value)
    {
        Separate();
        output.Write(value ? "true"u8 : "false"u8);
    }

    public void Null()
    {
        Separate();
        output.Write("null"u8);
    }

    public void Base64(ReadOnlySpan<byte> value)
    {
        Separate();
        var text = new byte[Base64Length(value.Length)];
        System.Buffers.Text.Base64.EncodeToUtf8(value, text, out _, out var written);
        output.Write("\""u8).Write(text.AsSpan(0, written)).Write("\""u8);
    }

    /// <summary>A whole value.</summary>
    public void Value(JsonNode? node)
    {
        switch (node)
        {
            case JsonObject fields:
                BeginObject();
                foreach (var (name, value) in fields)
                {
                    Name(name);
                    Value(value);
                }

                EndObject();
                break;
            case JsonArray items:
                BeginArray();
                foreach (var item in items)
                {
                    Value(item);
                }

                EndArray();
                break;
            default:
                Scalar(node);
                break;
        }
    }

    private void Scalar(JsonNode? value)
    {
        switch (value?.GetValueKind())
        {
            case JsonValueKind.String:
                String((string)value!);
                break;
            case null or JsonValueKind.Null:
                Null();
                break;
            default:
                // Numbers and truths stay as they are written.
                Separate();
                output.Write(value.ToJsonString());
                break;
        }
    }

    /// <summary>RFC 3339 in UTC with up to nine decimals, without zeros at their end.</summary>
    public void Time(long unixNanoseconds) => String(TimeText(unixNanoseconds));

    /// <summary>Ends the document's line.</summary>
    public void EndLine() => output.WriteLine();

    internal static string TimeText(long unixNanoseconds)
    {
        var seconds = Math.DivRem(unixNanoseconds, 1_000_000_000, out var nanoseconds);
        if (nanoseconds < 0)
        {
            (seconds, nanoseconds) = (seconds - 1, nanoseconds + 1_000_000_000);
        }

        var time = DateTimeOffset.FromUnixTimeSeconds(seconds).ToString("yyyy-MM-ddTHH:mm:ss", CultureInfo.InvariantCulture);
        var fraction = nanoseconds == 0 ? "" : $".{nanoseconds.ToString("D9", CultureInfo.InvariantCulture).TrimEnd('0')}";
        return $"{time}{fraction}Z";
    }

    private static int Base64Length(int length) => System.Buffers.Text.Base64.GetMaxEncodedToUtf8Length(length);

    private void Begin(string bracket)
    {
        Separate();
        output.Write(bracket);
        _hasItems.Push(false);
    }

    private void End(string bracket)
    {
        if (_hasItems.Pop())
        {
            BreakLine();
        }

        output.Write(bracket);
    }

    private void Separate()
    {
        if (_afterName)
        {
            _afterName = false;
            return;
        }

        if (_hasItems.Count == 0)
        {
            return;
        }

        if (_hasItems.Pop())
        {
            output.Write(","u8);
        }

        _hasItems.Push(true);
        BreakLine();
    }

    private void BreakLine()
    {
        if (indented)
        {
            output.WriteLine();
            for (var i = 0; i < _hasItems.Count; i++)
            {
                output.Write("  "u8);
            }
        }
    }

    private void Quoted(string value)
    {
        output.Write("\""u8);
        var plain = 0;
        for (var i = 0; i < value.Length; i++)
        {
            if (Escape(value, i) is { } escaped)
            {
                output.Write(value[plain..i]).Write(escaped);
                plain = i + 1;
            }
        }

        output.Write(value[plain..]).Write("\""u8);
    }

    private static string? Escape(string value, int i) => value[i] switch
    {
        '"' => "\\\"",
        '\\' => "\\\\",
        '\b' => "\\b",
        '\f' => "\\f",
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        < ' ' or '<' or '>' or '&' or '\u2028' or '\u2029' => string.Create(CultureInfo.InvariantCulture, $"\\u{(int)value[i]:x4}"),
        _ => char.IsSurrogate(value[i]) && !IsPair(value, i) ? "\\ufffd" : null,
    };

    private static bool IsPair(string value, int i) => char.IsHighSurrogate(value[i])
        ? i + 1 < value.Length && char.IsLowSurrogate(value[i + 1])
        : i > 0 && char.IsHighSurrogate(value[i - 1]);
}
