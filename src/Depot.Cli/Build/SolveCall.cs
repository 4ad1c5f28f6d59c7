using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Slipway.BuildKit.Wire.Control;

namespace Depot.Cli.Build;

/// <summary>From a plan to the one message that BuildKit builds by.</summary>
internal static class SolveCall
{
    private const int IdentifierLetters = 25;

    /// <summary>A name for a build or a session, in the form that BuildKit's own client uses.</summary>
    public static string NewIdentifier() => RandomNumberGenerator.GetString("0123456789abcdefghijklmnopqrstuvwxyz", IdentifierLetters);

    public static SolveRequest Request(BuildPlan plan, string projectId, string reference, string sessionId, SolveLinks links)
    {
        var request = new SolveRequest
        {
            Ref = reference,
            Session = sessionId,
            Frontend = plan.Frontend,
            Cache = new CacheOptions(),

            // The server keeps the build's record. BuildKit's own would be written (and synced to disk) before it answers, and nobody reads it unless
            // its provenance is wanted.
            Internal = plan.Provenance == MetadataProvenance.None,
        };
        request.FrontendAttrs.Add(plan.Attributes);
        foreach (var (name, folder) in plan.Inputs.NamedFolders)
        {
            request.FrontendAttrs[$"sharedkey:localdir:{name}"] = plan.SharedKey(folder, projectId);
        }

        foreach (var (name, value) in links.Attributes)
        {
            request.FrontendAttrs[name] = value;
        }

        request.FrontendInputs.Add(links.Inputs.ToDictionary());
        request.Entitlements.Add(plan.Entitlements);
        AddExporters(request, plan.Outputs);
        AddCache(request, plan);
        return request;
    }

    private static void AddExporters(SolveRequest request, IReadOnlyList<OutputPlan> outputs)
    {
        foreach (var output in outputs)
        {
            var exporter = new Exporter { Type = output.Type };
            exporter.Attrs.Add(output.Attributes);
            request.Exporters.Add(exporter);
        }

        if (outputs.Count > 0)
        {
            // BuildKit before 0.13 knows one exporter only, in these fields.
            request.ExporterDeprecated = outputs[0].Type;
            request.ExporterAttrsDeprecated.Add(outputs[0].Attributes);
        }
    }

    private static void AddCache(SolveRequest request, BuildPlan plan)
    {
        request.Cache.Exports.Add(plan.CacheExports.Select(Entry));
        request.Cache.Imports.Add(plan.CacheImports.Select(Entry));
        if (plan.CacheImports.Count > 0)
        {
            // The frontend resolves imports itself: it reads them from its own attribute.
            request.FrontendAttrs["cache-imports"] = ImportsJson(plan.CacheImports);
        }
    }

    private static CacheOptionsEntry Entry(CacheSpec spec)
    {
        var entry = new CacheOptionsEntry { Type = spec.Type };
        entry.Attrs.Add(spec.Attributes);
        return entry;
    }

    private static string ImportsJson(IReadOnlyList<CacheSpec> imports)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartArray();
            foreach (var import in imports)
            {
                json.WriteStartObject();
                json.WriteString("Type", import.Type);
                json.WriteStartObject("Attrs");
                foreach (var (key, value) in import.Attributes.OrderBy(entry => entry.Key, StringComparer.Ordinal))
                {
                    json.WriteString(key, value);
                }

                json.WriteEndObject();
                json.WriteEndObject();
            }

            json.WriteEndArray();
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }
}
