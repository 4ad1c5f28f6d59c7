using System.Collections.Frozen;
using System.Text.Json;
using Google.Protobuf;
using Google.Protobuf.Collections;
using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Wire.Control;
using GatewaySolveRequest = Slipway.BuildKit.Wire.Gateway.SolveRequest;

namespace Slipway.Builder.Proxying;

/// <summary>What a solve may ask of an engine. Fields that this builder does not know pass.</summary>
internal sealed class SolveRules(EnginePolicy engine)
{
    private const string HostNetwork = "network.host";

    private static readonly FrozenSet<string> Exporters = FrozenSet.Create("image", "oci", "docker", "local", "tar");

    /// <summary>Cache stores that need nothing of the engine's surroundings.</summary>
    private static readonly FrozenSet<string> Caches = FrozenSet.Create("registry", "inline", "local", "gha");

    /// <summary>Stores that fall back to the credentials of the engine's machine unless these attributes are given.</summary>
    private static readonly FrozenDictionary<string, string[]> CachesWithKeys = new Dictionary<string, string[]>
    {
        ["s3"] = ["access_key_id", "secret_access_key"],
        ["azblob"] = ["secret_access_key"],
    }.ToFrozenDictionary();

    /// <summary>Runs a judge; a message that cannot be read is refused.</summary>
    public static Judgement Parsed(Func<Judgement> judge)
    {
        try
        {
            return judge();
        }
        catch (InvalidProtocolBufferException)
        {
            return Judgement.Refuse(GrpcStatusCode.InvalidArgument, "the request cannot be read");
        }
    }

    /// <summary>Checks a solve and takes out what must not reach the engine.</summary>
    /// <returns>Null when the rest may go.</returns>
    public Judgement? Object(BuildScope build, SolveRequest request)
    {
        if (request.Ref.Length is 0 or > RelayLimits.IdentifierLengthMax)
        {
            return Judgement.Refuse(GrpcStatusCode.InvalidArgument, "a solve needs a reference");
        }

        return MethodPolicy.Objection(build.ClaimReference(request.Ref), "build", request.Ref)
            ?? ObjectToSession(build, request.Session)
            ?? ObjectToSession(build, request.SourcePolicySession)
            ?? ObjectToEntitlements(request.Entitlements)
            ?? ObjectToFrontend(build, request.FrontendAttrs)
            ?? ObjectToExporters(request)
            ?? ObjectToCaches(request.Cache);
    }

    /// <summary>Checks a solve that a client's own frontend loop sends; BuildKit's clients build this way.</summary>
    public Judgement JudgeGateway(BuildScope build, ReadOnlyMemory<byte> message)
    {
        var request = GatewaySolveRequest.Parser.ParseFrom(message.Span);
        var objection = ObjectToFrontend(build, request.FrontendOpt);
        foreach (var import in request.CacheImports)
        {
            objection ??= ObjectToCache(import.Type, import.Attrs);
        }

        return objection ?? Judgement.Send(request.ToByteArray());
    }

    private static Judgement? ObjectToSession(BuildScope build, string id)
    {
        if (id.Length == 0)
        {
            return null;
        }

        return id.Length is < RelayLimits.SessionIdLengthMin or > RelayLimits.IdentifierLengthMax
            ? Judgement.Refuse(GrpcStatusCode.PermissionDenied, "the solve names a session that this build does not have")
            : MethodPolicy.Objection(build.ClaimSession(id), "session", id);
    }

    private Judgement? ObjectToEntitlements(RepeatedField<string> entitlements)
    {
        foreach (var entitlement in entitlements)
        {
            // "device=NAME,…" asks for one device.
            if (!engine.Entitlements.Contains(entitlement) && !engine.Entitlements.Contains(entitlement.Split('=')[0]))
            {
                return Judgement.Refuse(
                    GrpcStatusCode.PermissionDenied,
                    $"this builder does not allow the entitlement {entitlement}: build without it, or ask the operator to allow it for the project");
            }
        }

        return null;
    }

    private Judgement? ObjectToFrontend(BuildScope build, MapField<string, string> attributes)
    {
        // Would put steps outside the limits of the engine's own control group.
        attributes.Remove("cgroup-parent");
        if (attributes.TryGetValue("force-network-mode", out var network) && network == "host" && !engine.Entitlements.Contains(HostNetwork))
        {
            return Judgement.Refuse(
                GrpcStatusCode.PermissionDenied, "this builder does not allow --network=host: build without it, or ask the operator to allow it");
        }

        foreach (var (name, value) in attributes)
        {
            if (name.StartsWith("local-sessionid:", StringComparison.Ordinal) && ObjectToSession(build, value) is { } objection)
            {
                return objection;
            }
        }

        return attributes.TryGetValue("cache-imports", out var imports) ? ObjectToCacheImports(imports) : null;
    }

    /// <summary>The Dockerfile frontend takes cache imports as a JSON list of {"Type", "Attrs"}; Go matches names in any case.</summary>
    private static Judgement? ObjectToCacheImports(string json)
    {
        try
        {
            foreach (var import in JsonSerializer.Deserialize<CacheImport[]>(json, JsonSerializerOptions.Web) ?? [])
            {
                if (ObjectToCache(import.Type ?? "", import.Attrs ?? []) is { } objection)
                {
                    return objection;
                }
            }

            return null;
        }
        catch (JsonException)
        {
            return Judgement.Refuse(GrpcStatusCode.InvalidArgument, "the cache imports of the solve cannot be read");
        }
    }

    private static Judgement? ObjectToExporters(SolveRequest request)
    {
        IEnumerable<string> types = request.Exporters.Select(exporter => exporter.Type);
        if (request.ExporterDeprecated.Length > 0)
        {
            types = types.Append(request.ExporterDeprecated);
        }

        return types.FirstOrDefault(type => !Exporters.Contains(type)) is { } unknown
            ? Judgement.Refuse(
                GrpcStatusCode.PermissionDenied,
                $"this builder does not export as \"{unknown}\": use one of {string.Join(", ", Exporters.Order(StringComparer.Ordinal))}")
            : null;
    }

    private static Judgement? ObjectToCaches(CacheOptions? cache)
    {
        foreach (var entry in cache is null ? [] : cache.Exports.Concat(cache.Imports))
        {
            if (ObjectToCache(entry.Type, entry.Attrs) is { } objection)
            {
                return objection;
            }
        }

        return null;
    }

    private static Judgement? ObjectToCache(string type, IDictionary<string, string> attributes)
    {
        if (Caches.Contains(type))
        {
            return null;
        }

        if (!CachesWithKeys.TryGetValue(type, out var keys))
        {
            return Judgement.Refuse(GrpcStatusCode.PermissionDenied, $"this builder does not know the cache type \"{type}\"");
        }

        return keys.FirstOrDefault(key => attributes.TryGetValue(key, out var value) ? value.Length == 0 : true) is { } missing
            ? Judgement.Refuse(
                GrpcStatusCode.PermissionDenied, $"a cache of type {type} needs {missing}: the builder's own credentials are not lent to builds")
            : null;
    }

    private sealed record CacheImport(string? Type, Dictionary<string, string>? Attrs);
}
