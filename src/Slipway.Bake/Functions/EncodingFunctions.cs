using System.Text;
using System.Text.Json;
using Slipway.Bake.Values;

namespace Slipway.Bake.Functions;

/// <summary>JSON, CSV, base64 and URLs.</summary>
internal static class EncodingFunctions
{
    private static readonly UTF8Encoding s_strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    public static void AddTo(FunctionTable table)
    {
        var str = FunctionTable.Text("str");
        table.Define("jsonencode", args => HclValue.Of(HclJson.Write(args[0])), FunctionTable.Nullable("val"));
        table.Define("jsondecode", args => DecodeJson(args[0].Text), str);
        table.Define("csvdecode", args => DecodeCsv(args[0].Text), str);
        table.Define("base64encode", args => HclValue.Of(Convert.ToBase64String(Encoding.UTF8.GetBytes(args[0].Text))), str);
        table.Define("base64decode", args => DecodeBase64(args[0].Text), str);
        table.Define("urlencode", args => HclValue.Of(EncodeUrl(args[0].Text)), str);
    }

    private static HclValue DecodeJson(string text)
    {
        try
        {
            return HclJson.Read(text);
        }
        catch (JsonException problem)
        {
            throw new FunctionException($"not valid JSON: {problem.Message}", 0);
        }
    }

    private static HclValue DecodeCsv(string text)
    {
        var rows = CsvRows.Read(text);
        if (rows.Count == 0)
        {
            throw new FunctionException("missing header line");
        }

        var header = rows[0];
        if (header.GroupBy(name => name).FirstOrDefault(group => group.Count() > 1) is { } twice)
        {
            throw new FunctionException($"duplicate column name \"{twice.Key}\"");
        }

        var type = HclType.Object(header.Select(name => KeyValuePair.Create(name, HclType.String)));
        return HclValue.List(type, rows.Skip(1).Select((row, i) => row.Count == header.Count
            ? HclValue.Object(header.Zip(row, (name, value) => KeyValuePair.Create(name, HclValue.Of(value))))
            : throw new FunctionException($"CSV parse error on line {i + 2}: wrong number of fields")));
    }

    private static HclValue DecodeBase64(string text)
    {
        try
        {
            return HclValue.Of(s_strict.GetString(Convert.FromBase64String(text)));
        }
        catch (FormatException)
        {
            throw new FunctionException($"failed to decode base64 data '{text}'");
        }
        catch (DecoderFallbackException)
        {
            throw new FunctionException("the result of decoding the provided string is not valid UTF-8");
        }
    }

    /// <summary>As a query writes it: a space is a plus sign.</summary>
    private static string EncodeUrl(string text) => Uri.EscapeDataString(text).Replace("%20", "+", StringComparison.Ordinal);
}
