using System.Globalization;
using System.Text.Json;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Slipway.BuildKit.Wire.Control;
using Slipway.BuildKit.Wire.Solver;
using Slipway.Tests.Repository;

namespace Slipway.Tests.Cli.Rendering;

/// <summary>Status messages written down as buildx's rawjson.</summary>
internal static class StatusStream
{
    public static string Expectation(string name) => RepositoryFiles.Read($"tests/Slipway.Tests/Cli/Rendering/Expectations/{name}");

    public static List<StatusResponse> Read(string name) => Parse(Expectation(name));

    public static List<StatusResponse> Parse(string lines) =>
        [.. lines.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(line => Status(JsonDocument.Parse(line).RootElement))];

    private static StatusResponse Status(JsonElement json) => new()
    {
        Vertexes = { All(json, "vertexes").Select(Vertex) },
        Statuses = { All(json, "statuses").Select(VertexStatus) },
        Logs = { All(json, "logs").Select(log => new VertexLog { Vertex = Text(log, "vertex"), Stream = Number(log, "stream"), Msg = Bytes(log, "data"), Timestamp = Time(log, "timestamp") }) },
        Warnings = { All(json, "warnings").Select(Warning) },
    };

    private static Vertex Vertex(JsonElement json) => new()
    {
        Digest = Text(json, "digest"),
        Inputs = { All(json, "inputs").Select(input => input.GetString()) },
        Name = Text(json, "name"),
        Started = Time(json, "started"),
        Completed = Time(json, "completed"),
        Cached = Flag(json, "cached"),
        Error = Text(json, "error"),
        ProgressGroup = json.TryGetProperty("progressGroup", out var group)
            ? new ProgressGroup { Id = Text(group, "id"), Name = Text(group, "name"), Weak = Flag(group, "weak") }
            : null,
    };

    private static VertexStatus VertexStatus(JsonElement json) => new()
    {
        ID = Text(json, "id"),
        Vertex = Text(json, "vertex"),
        Name = Text(json, "name"),
        Current = Number(json, "current"),
        Total = Number(json, "total"),
        Timestamp = Time(json, "timestamp"),
        Started = Time(json, "started"),
        Completed = Time(json, "completed"),
    };

    private static VertexWarning Warning(JsonElement json) => new()
    {
        Vertex = Text(json, "vertex"),
        Level = Number(json, "level"),
        Short = Bytes(json, "short"),
        Detail = { All(json, "detail").Select(Bytes) },
        Url = Text(json, "url"),
        Info = json.TryGetProperty("sourceInfo", out var info) ? Info(info) : null,
        Ranges = { All(json, "range").Select(Range) },
    };

    private static SourceInfo Info(JsonElement json) => new()
    {
        Filename = Text(json, "filename"),
        Data = Bytes(json, "data"),
        Language = Text(json, "language"),
        Definition = json.TryGetProperty("definition", out var definition) ? Definition(definition) : null,
    };

    private static Definition Definition(JsonElement json)
    {
        var definition = new Definition { Def = { All(json, "def").Select(Bytes) } };
        foreach (var (digest, metadata) in Members(json, "metadata"))
        {
            var parsed = new OpMetadata { IgnoreCache = Flag(metadata, "ignore_cache") };
            parsed.Description.Add(Members(metadata, "description").ToDictionary(member => member.Name, member => member.Value.GetString()));
            parsed.Caps.Add(Members(metadata, "caps").ToDictionary(member => member.Name, member => member.Value.GetBoolean()));
            definition.Metadata[digest] = parsed.ToByteString();
        }

        if (json.TryGetProperty("Source", out var source))
        {
            var parsed = new Source { Infos = { All(source, "infos").Select(Info) } };
            foreach (var (digest, locations) in Members(source, "locations"))
            {
                parsed.Locations[digest] = new Locations
                {
                    Locations_ = { All(locations, "locations").Select(one => new Location { SourceIndex = (int)Number(one, "sourceIndex"), Ranges = { All(one, "ranges").Select(Range) } }) },
                };
            }

            definition.Source = parsed.ToByteString();
        }

        return definition;
    }

    private static Slipway.BuildKit.Wire.Solver.Range Range(JsonElement json) => new() { Start = Position(json, "start"), End = Position(json, "end") };

    private static Position? Position(JsonElement json, string name) => json.TryGetProperty(name, out var position)
        ? new Position { Line = (int)Number(position, "line"), Character = (int)Number(position, "character") }
        : null;

    private static IEnumerable<JsonElement> All(JsonElement json, string name) => json.TryGetProperty(name, out var list) ? list.EnumerateArray() : [];

    private static IEnumerable<(string Name, JsonElement Value)> Members(JsonElement json, string name) =>
        json.TryGetProperty(name, out var map) ? map.EnumerateObject().Select(member => (member.Name, member.Value)) : [];

    private static string Text(JsonElement json, string name) => json.TryGetProperty(name, out var text) ? text.GetString()! : "";

    private static long Number(JsonElement json, string name) => json.TryGetProperty(name, out var number) ? number.GetInt64() : 0;

    private static bool Flag(JsonElement json, string name) => json.TryGetProperty(name, out var flag) && flag.GetBoolean();

    private static ByteString Bytes(JsonElement json, string name) => json.TryGetProperty(name, out var bytes) ? Bytes(bytes) : ByteString.Empty;

    private static ByteString Bytes(JsonElement json) => json.ValueKind == JsonValueKind.Null ? ByteString.Empty : ByteString.FromBase64(json.GetString());

    // By hand, because .NET's own times end at a hundred nanoseconds.
    private static Timestamp? Time(JsonElement json, string name)
    {
        if (!json.TryGetProperty(name, out var time))
        {
            return null;
        }

        var text = time.GetString()!;
        var seconds = DateTimeOffset.ParseExact(text[..19], "yyyy-MM-ddTHH:mm:ss", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal).ToUnixTimeSeconds();
        var fraction = text[19..].Trim('.', 'Z').PadRight(9, '0');
        return new Timestamp { Seconds = seconds, Nanos = int.Parse(fraction, CultureInfo.InvariantCulture) };
    }
}
