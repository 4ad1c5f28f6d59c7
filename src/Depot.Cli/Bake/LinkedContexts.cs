using System.Buffers;
using System.Text;
using System.Text.Json;
using Google.Protobuf;
using Slipway.BuildKit.Wire.Gateway;
using Slipway.BuildKit.Wire.Solver;

namespace Depot.Cli.Bake;

/// <summary>Contexts that are results of other targets: their definitions go in as inputs of the frontend.</summary>
internal sealed class LinkedContexts
{
    private const string Config = "containerimage.config";

    private readonly Dictionary<string, Definition> _inputs = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _attributes = new(StringComparer.Ordinal);

    public IReadOnlyDictionary<string, Definition> Inputs => _inputs;

    public IReadOnlyDictionary<string, string> Attributes => _attributes;

    /// <summary>Adds the result of one target; one for several platforms is a context per platform.</summary>
    /// <param name="context">The name that the Dockerfile uses.</param>
    /// <param name="target">The name of the target that made it.</param>
    public void Add(string context, string target, Result result)
    {
        var key = $"0-{target}";
        foreach (var (platform, reference) in result.Refs?.Refs ?? [])
        {
            Add($"{context}::{platform}", $"{key}::{platform}", reference, result.Metadata.GetValueOrDefault($"{Config}/{platform}"));
        }

        if (result.Ref is { } only)
        {
            Add(context, key, only, result.Metadata.GetValueOrDefault(Config));
        }
    }

    private void Add(string context, string key, Ref reference, ByteString? config)
    {
        _inputs[key] = reference.Def ?? new Definition();
        _attributes[$"context:{context}"] = $"input:{key}";
        if (config is not null)
        {
            _attributes[$"input-metadata:{key}"] = Metadata(config);
        }
    }

    private static string Metadata(ByteString config)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteBase64String(Config, config.Span);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }
}
