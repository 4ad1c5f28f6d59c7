using System.Text;
using System.Text.Json.Nodes;
using Depot.Cli.Rendering;

namespace Depot.Cli.ImageTools;

/// <summary>The part of Go's templates that scripts use here: text, fields, <c>json</c> and <c>index</c>.</summary>
internal sealed class ImageTemplate(string format)
{
    public async Task<string> WriteAsync(ImageFields fields, CancellationToken cancellation)
    {
        var text = new StringBuilder();
        var rest = format;
        while (rest.IndexOf("{{", StringComparison.Ordinal) is var open and >= 0)
        {
            var close = rest.IndexOf("}}", open, StringComparison.Ordinal);
            text.Append(rest, 0, open);
            text.Append(await EvaluateAsync(close < 0 ? throw new CliException($"template: unclosed action in {format}") : rest[(open + 2)..close].Trim(), fields, cancellation));
            rest = rest[(close + 2)..];
        }

        return text.Append(rest).ToString();
    }

    private async Task<string> EvaluateAsync(string action, ImageFields fields, CancellationToken cancellation)
    {
        const string json = "json ";
        return action.StartsWith(json, StringComparison.Ordinal)
            ? Json(await ValueAsync(action[json.Length..].Trim(), fields, cancellation))
            : Plain(await ValueAsync(action, fields, cancellation));
    }

    /// <summary><c>.A.B</c>, <c>index .A "key"</c>, either in parentheses and with more fields behind.</summary>
    private async Task<JsonNode?> ValueAsync(string expression, ImageFields fields, CancellationToken cancellation)
    {
        if (expression.StartsWith('(') && expression.LastIndexOf(')') is var close and > 0)
        {
            return Below(await ValueAsync(expression[1..close].Trim(), fields, cancellation), Names(expression[(close + 1)..]));
        }

        const string index = "index ";
        if (expression.StartsWith(index, StringComparison.Ordinal) && expression.IndexOf('"', StringComparison.Ordinal) is var quote and > 0 && expression.EndsWith('"'))
        {
            return (await ValueAsync(expression[index.Length..quote].Trim(), fields, cancellation) as JsonObject)?[expression[(quote + 1)..^1]];
        }

        var names = expression.StartsWith('.') ? Names(expression) : throw Unknown(expression);
        return Below(await fields.GetAsync(names.FirstOrDefault(""), cancellation), names.Skip(1));
    }

    private string[] Names(string path) => path.All(c => char.IsAsciiLetterOrDigit(c) || c == '.') ? path.Split('.', StringSplitOptions.RemoveEmptyEntries) : throw Unknown(path);

    private static JsonNode? Below(JsonNode? value, IEnumerable<string> names)
    {
        foreach (var name in names)
        {
            value = value is JsonObject fields ? fields.FirstOrDefault(field => IsField(field.Key, name)).Value
                : throw new CliException($"template: can't evaluate field {name}: there is nothing below it");
        }

        return value;
    }

    /// <summary>Go's field <c>DiffIDs</c> is <c>diff_ids</c> in JSON.</summary>
    private static bool IsField(string key, string name) => string.Equals(key.Replace("_", "", StringComparison.Ordinal), name, StringComparison.OrdinalIgnoreCase);

    private static string Plain(JsonNode? value) => value switch
    {
        null => "",
        JsonValue plain when plain.TryGetValue<string>(out var text) => text,
        JsonValue plain => plain.ToString(),
        _ => Json(value),
    };

    private static string Json(JsonNode? value)
    {
        var output = new OutputBuffer();
        new GoJsonWriter(output, indented: true).Value(value);
        return output.TakeText();
    }

    private CliException Unknown(string part) => new($"template: {part} in {format} is not understood")
    {
        Remedy = "Without Docker's own buildx there are fields (.Manifest.Digest), json and index. --raw prints the manifest for other tools to read.",
    };
}
