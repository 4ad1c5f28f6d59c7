using System.Text.Json;
using Slipway.BuildKit.Control;
using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Wire.Control;

namespace Depot.Cli.Build;

/// <summary>Where a build came from, as the builder wrote it down: read from its record of the build, for the metadata file.</summary>
/// <remarks>An in-toto statement's predicate, of the type <c>https://slsa.dev/provenance/…</c>; one for each platform.</remarks>
internal sealed class BuildProvenance(GrpcChannel builder, MetadataProvenance mode)
{
    public const string Key = "buildx.build.provenance";

    private const string StatementType = "application/vnd.in-toto+json";
    private const string PredicateType = "in-toto.io/predicate-type";
    private const string Slsa = "https://slsa.dev/provenance/";

    /// <summary>The largest seen in the wild, for images of hundreds of steps, are a few MiB.</summary>
    private const int BytesMax = 64 * 1024 * 1024;

    private readonly ContentClient _content = new(builder);

    /// <summary>Entries for the metadata file; none where the builder keeps no records.</summary>
    public async Task<IReadOnlyDictionary<string, string>> ReadAsync(string reference, CancellationToken cancellation)
    {
        var entries = new Dictionary<string, string>(StringComparer.Ordinal);
        try
        {
            await foreach (var found in new ControlClient(builder).RecordsAsync(reference, cancellation))
            {
                foreach (var (key, statement) in Statements(found.Record ?? new BuildHistoryRecord()))
                {
                    entries[key] = Encode(await _content.ReadAsync(statement.Digest, BytesMax, cancellation));
                }
            }
        }
        catch (Exception problem) when (problem is GrpcStatusException or InvalidDataException or JsonException)
        {
            // The image is built. BuildKit before 0.11 has no records, and another's policy may not show them.
        }

        return entries;
    }

    /// <summary>As buildx looks for them: a result for all platforms (an index, which has no statement of its own) hides those of each.</summary>
    private static IEnumerable<(string Key, BlobDescriptor Statement)> Statements(BuildHistoryRecord record) =>
        (record.Result is { } one ? [(Key, Statement: Find(one))] : record.Results.Select(result => (Key: $"{Key}/{result.Key}", Statement: Find(result.Value))))
        .Where(entry => entry.Statement is not null)!;

    private static BlobDescriptor? Find(BuildResultInfo? result) => result?.Attestations.FirstOrDefault(attestation =>
        attestation.MediaType == StatementType && attestation.Annotations.TryGetValue(PredicateType, out var type) && type.StartsWith(Slsa, StringComparison.Ordinal));

    /// <summary>As an exporter would hand it over: base64 of JSON. The short form leaves out the build's definition and its times.</summary>
    private string Encode(byte[] predicate)
    {
        using var document = JsonDocument.Parse(predicate);
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            foreach (var property in document.RootElement.EnumerateObject())
            {
                if (mode == MetadataProvenance.Max || property.Name is not ("buildConfig" or "metadata"))
                {
                    property.WriteTo(json);
                }
            }

            json.WriteEndObject();
        }

        return Convert.ToBase64String(buffer.ToArray());
    }
}
