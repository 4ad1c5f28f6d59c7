using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Depot.Cli.Flags;
using Depot.Cli.Settings;

namespace Depot.Cli.Docker;

/// <summary>Where the local Docker listens: <c>DOCKER_HOST</c>, else the current context, else the usual socket.</summary>
/// <param name="Address">A unix socket, a pipe of Windows, or a tcp address.</param>
/// <param name="CertificateFolder">Holds ca.pem, cert.pem and key.pem for TLS; null without.</param>
internal sealed record DockerEndpoint(Uri Address, string? CertificateFolder)
{
    public static string DefaultAddress => OperatingSystem.IsWindows() ? "npipe:////./pipe/docker_engine" : "unix:///var/run/docker.sock";

    /// <summary>What <see cref="Slipway.BuildKit.LocalService"/> connects to; null for an address of the network.</summary>
    public string? LocalPath => Address.Scheme switch
    {
        "unix" => Address.LocalPath,
        "npipe" => Address.OriginalString["npipe://".Length..].Replace('/', '\\'),
        _ => null,
    };

    public override string ToString() => Address.OriginalString;

    /// <param name="contextName">Names a Docker context; null takes what the Docker CLI would take.</param>
    public static DockerEndpoint Find(CliSettings settings, string? contextName)
    {
        if (contextName is null && settings.DockerHost is { } host)
        {
            var folder = settings.DockerVerifiesTls ? settings.DockerCertificates ?? settings.DockerConfigFolder : null;
            return new DockerEndpoint(Parse(host, "DOCKER_HOST"), folder);
        }

        var name = contextName ?? settings.DockerContext ?? CurrentContext(settings) ?? "default";
        return name is "default" or ""
            ? new DockerEndpoint(new Uri(DefaultAddress), null)
            : FromContext(settings, name);
    }

    private static Uri Parse(string text, string source)
    {
        if (Uri.TryCreate(text, UriKind.Absolute, out var url) && (url.Scheme is "unix" or "tcp" or "http" or "https" || (url.Scheme is "npipe" && OperatingSystem.IsWindows())))
        {
            return url;
        }

        throw new CliException($"{source} is not an address that an image can be loaded to: {GoText.Quote(text)}")
        {
            Remedy = text.StartsWith("ssh://", StringComparison.Ordinal)
                ? "Forward its socket (ssh -L /tmp/docker.sock:/var/run/docker.sock HOST) and set DOCKER_HOST=unix:///tmp/docker.sock."
                : "Write it as unix:///PATH or tcp://HOST:PORT.",
        };
    }

    private static string? CurrentContext(CliSettings settings)
    {
        using var config = ReadJson(Path.Combine(settings.DockerConfigFolder, "config.json"));
        return config is { RootElement.ValueKind: JsonValueKind.Object } && config.RootElement.TryGetProperty("currentContext", out var name) ? name.GetString() : null;
    }

    /// <summary>The Docker CLI keeps a context under the SHA-256 of its name: <c>contexts/meta/ID/meta.json</c>, <c>contexts/tls/ID/docker</c>.</summary>
    private static DockerEndpoint FromContext(CliSettings settings, string name)
    {
        var id = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(name)));
        var contexts = Path.Combine(settings.DockerConfigFolder, "contexts");
        using var meta = ReadJson(Path.Combine(contexts, "meta", id, "meta.json"));
        if (meta is null || !meta.RootElement.TryGetProperty("Endpoints", out var endpoints)
            || !endpoints.TryGetProperty("docker", out var docker) || !docker.TryGetProperty("Host", out var host) || host.GetString() is not { } address)
        {
            throw new CliException($"Docker context {GoText.Quote(name)} does not exist in {contexts}")
            {
                Remedy = "List them with `docker context ls`; choose one with DOCKER_CONTEXT.",
            };
        }

        var tls = Path.Combine(contexts, "tls", id, "docker");
        return new DockerEndpoint(Parse(address, $"Docker context {name}"), Directory.Exists(tls) ? tls : null);
    }

    private static JsonDocument? ReadJson(string path)
    {
        try
        {
            return JsonDocument.Parse(File.ReadAllBytes(path));
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            return null;
        }
        catch (JsonException)
        {
            throw new CliException($"{path} is not valid JSON") { Remedy = "Correct it; Docker cannot read it either." };
        }
    }
}
