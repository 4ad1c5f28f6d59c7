using System.Text.Json;
using System.Text.Json.Serialization;
using Google.Protobuf;
using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Wire.Rpc;

namespace Slipway.BuildKit.Control;

/// <summary>The first and the last line of a place in a source file, counted from 1.</summary>
public readonly record struct SourceLines(int First, int Last);

/// <summary>A source file that an error points into.</summary>
/// <param name="File">The name as the frontend knew it, such as <c>Dockerfile</c>.</param>
public sealed record ErrorSource(string File, ReadOnlyMemory<byte> Data, IReadOnlyList<SourceLines> Ranges);

/// <summary>A failed build as BuildKit describes it in its status details.</summary>
/// <remarks>
/// The details are google.rpc.Status; each Any holds Go's JSON of a protobuf struct:
/// | type_url ends in | JSON |
/// | errdefs.Source+json | {info: {filename, data}, ranges: [{start: {line}, end: {line}}]} |
/// | errdefs.Vertex+json | {digest} |
/// | gatewayapi.ExitMessage+json | {Code} |
/// The others (stack.Stack, errdefs.Solve, errdefs.Frontend, …) say nothing that a user could act on.
/// </remarks>
public sealed record EngineError
{
    private const string SourceType = "errdefs.Source+json";
    private const string VertexType = "errdefs.Vertex+json";
    private const string ExitType = "gatewayapi.ExitMessage+json";

    /// <summary>The failure in BuildKit's words, outermost cause first.</summary>
    public required string Message { get; init; }

    public GrpcStatusCode Code { get; init; }

    /// <summary>The step that failed.</summary>
    public string? VertexDigest { get; init; }

    /// <summary>Where the failure is in the sources; usually one place.</summary>
    public IReadOnlyList<ErrorSource> Sources { get; init; } = [];

    /// <summary>The exit status of the process that failed.</summary>
    public int? ExitCode { get; init; }

    public string? SourceFile => Sources.Count > 0 ? Sources[0].File : null;

    public ReadOnlyMemory<byte> SourceData => Sources.Count > 0 ? Sources[0].Data : default;

    public IReadOnlyList<SourceLines> Ranges => Sources.Count > 0 ? Sources[0].Ranges : [];

    public static EngineError From(GrpcStatusException failure)
    {
        var error = new EngineError { Message = failure.Message, Code = failure.Code };
        if (failure.Details is null)
        {
            return error;
        }

        try
        {
            foreach (var detail in Status.Parser.ParseFrom(failure.Details).Details)
            {
                error = error.With(detail.TypeUrl[(detail.TypeUrl.LastIndexOf('/') + 1)..], detail.Value.Span);
            }
        }
        catch (Exception damaged) when (damaged is InvalidProtocolBufferException or JsonException)
        {
            // The message itself is still worth showing.
        }

        return error;
    }

    private EngineError With(string type, ReadOnlySpan<byte> json) => type switch
    {
        SourceType when JsonSerializer.Deserialize(json, EngineErrorJson.Default.SourceJson)?.Read() is { } source =>
            this with { Sources = [.. Sources, source] },
        VertexType => this with { VertexDigest = VertexDigest ?? JsonSerializer.Deserialize(json, EngineErrorJson.Default.VertexJson)?.Digest },
        ExitType => this with { ExitCode = (int?)JsonSerializer.Deserialize(json, EngineErrorJson.Default.ExitJson)?.Code },
        _ => this,
    };
}

internal sealed record SourceJson(SourceInfoJson? Info, IReadOnlyList<RangeJson>? Ranges)
{
    public ErrorSource? Read() => Info is null
        ? null
        : new ErrorSource(
            Info.Filename ?? "",
            Info.Data,
            [.. (Ranges ?? []).Select(range => new SourceLines(range.Start?.Line ?? 0, range.End?.Line ?? range.Start?.Line ?? 0))]);
}

internal sealed record SourceInfoJson(string? Filename, byte[]? Data);

internal sealed record RangeJson(PositionJson? Start, PositionJson? End);

internal sealed record PositionJson(int Line);

internal sealed record VertexJson(string? Digest);

internal sealed record ExitJson(uint Code);

[JsonSourceGenerationOptions(PropertyNameCaseInsensitive = true)]
[JsonSerializable(typeof(SourceJson))]
[JsonSerializable(typeof(VertexJson))]
[JsonSerializable(typeof(ExitJson))]
internal sealed partial class EngineErrorJson : JsonSerializerContext;
