using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Slipway.Builder.Records;

namespace Slipway.Builder.ControlPlane;

/// <summary>Where a builder keeps its identity: one file that only its user can read, replaced whole, so that key and certificate always fit.</summary>
internal sealed class IdentityFile(string dataDirectory)
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);

    public string Path { get; } = System.IO.Path.Combine(dataDirectory, "builder.json");

    /// <summary>The identity; null when the builder has none yet, or one of an earlier release (<see cref="ReadToken"/>).</summary>
    /// <exception cref="BuilderException">The file is damaged.</exception>
    public BuilderIdentity? Read()
    {
        var content = Load();
        if (content is not { PrivateKey: { } key, Certificate: { } certificate })
        {
            return null;
        }

        try
        {
            return new BuilderIdentity(content.BuilderId, X509Certificate2.CreateFromPem(certificate, key));
        }
        catch (CryptographicException e)
        {
            throw Damaged(e);
        }
    }

    /// <summary>The id and the token (slpa_…) by which builders were known before they had certificates.</summary>
    public (string BuilderId, string Token)? ReadToken() => Load() is { BuilderToken: { Length: > 0 } token } old ? (old.BuilderId, token) : null;

    public void Write(BuilderIdentity identity)
    {
        using var key = identity.Certificate.GetECDsaPrivateKey()!;
        var content = new Content(identity.BuilderId, key.ExportPkcs8PrivateKeyPem(), identity.Certificate.ExportCertificatePem(), BuilderToken: null);
        DurableFile.Write(Path, JsonSerializer.SerializeToUtf8Bytes(content, Json));
    }

    private Content? Load()
    {
        if (!File.Exists(Path))
        {
            return null;
        }

        try
        {
            return JsonSerializer.Deserialize<Content>(File.ReadAllBytes(Path), Json) is
                { BuilderId.Length: > 0 } content and ({ BuilderToken.Length: > 0 } or { PrivateKey.Length: > 0, Certificate.Length: > 0 })
                ? content
                : throw Damaged(null);
        }
        catch (JsonException e)
        {
            throw Damaged(e);
        }
    }

    private BuilderException Damaged(Exception? cause) => new($"{Path} is damaged: delete it and join again with a new join token", cause);

    private sealed record Content(string BuilderId, string? PrivateKey, string? Certificate, string? BuilderToken);
}
