using Google.Protobuf;
using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Session;
using Slipway.BuildKit.Wire.Session;

namespace Slipway.BuildKit.Secrets;

/// <summary>Gives BuildKit the secrets that the user named (<c>moby.buildkit.secrets.v1.Secrets</c>), and no others.</summary>
public sealed class SecretSource : IAttachable
{
    /// <summary>BuildKit's own limit (session/secrets/secretsprovider).</summary>
    public const int SecretBytesMax = 500 * 1024;

    private readonly Dictionary<string, SecretSpec> _secrets = new(StringComparer.Ordinal);
    private readonly Func<string, string?> _environment;

    private SecretSource(Func<string, string?> environment)
    {
        _environment = environment;
        Methods = new Dictionary<string, GrpcHandler> { ["/moby.buildkit.secrets.v1.Secrets/GetSecret"] = GetSecretAsync };
    }

    public IReadOnlyDictionary<string, GrpcHandler> Methods { get; }

    /// <summary>Checks that every secret can be had; the values are read when BuildKit asks for them.</summary>
    /// <param name="environment">Looks up an environment variable; null when it is not set.</param>
    /// <param name="workingDirectory">What relative paths are relative to.</param>
    /// <exception cref="InputException">A file is missing, unreadable or too large.</exception>
    public static SecretSource Open(IEnumerable<SecretSpec> secrets, Func<string, string?> environment, string workingDirectory)
    {
        var source = new SecretSource(environment);
        foreach (var secret in secrets)
        {
            var settled = Settle(secret, environment, workingDirectory);
            CheckFile(settled);

            // Given twice, the last one counts.
            source._secrets[settled.Id] = settled;
        }

        return source;
    }

    internal async Task GetSecretAsync(IGrpcStream call, CancellationToken cancellation)
    {
        var request = await UnaryCall.ReadAsync(call, GetSecretRequest.Parser, cancellation);
        var value = await ReadAsync(request.ID, cancellation);
        await call.WriteMessageAsync(new GetSecretResponse { Data = UnsafeByteOperations.UnsafeWrap(value.Bytes) }, cancellation);
    }

    /// <summary>Without a file and a variable, the id names the variable if there is such a one, else the file.</summary>
    private static SecretSpec Settle(SecretSpec secret, Func<string, string?> environment, string workingDirectory)
    {
        if (secret.FilePath.Length == 0 && secret.Variable.Length == 0)
        {
            secret = environment(secret.Id) is null ? secret with { FilePath = secret.Id } : secret with { Variable = secret.Id };
        }

        return secret.FilePath.Length == 0 ? secret : secret with { FilePath = Path.GetFullPath(secret.FilePath, workingDirectory) };
    }

    private static void CheckFile(SecretSpec secret)
    {
        if (secret.FilePath.Length == 0)
        {
            return;
        }

        if (Directory.Exists(secret.FilePath))
        {
            throw new InputException($"secret {secret.Id}: {secret.FilePath} is a folder; name a file with --secret id={secret.Id},src=FILE");
        }

        var file = new FileInfo(secret.FilePath);
        if (!file.Exists)
        {
            throw new InputException($"failed to stat {secret.FilePath}: stat {secret.FilePath}: no such file or directory");
        }

        if (file.Length > SecretBytesMax)
        {
            throw TooLarge(secret);
        }
    }

    private async Task<SecretValue> ReadAsync(string id, CancellationToken cancellation)
    {
        if (!_secrets.TryGetValue(id, out var secret))
        {
            throw new GrpcStatusException(GrpcStatusCode.NotFound, "not found");
        }

        try
        {
            // The variable counts before the file when both are named.
            var value = secret.Variable.Length > 0
                ? new SecretValue(System.Text.Encoding.UTF8.GetBytes(_environment(secret.Variable) ?? ""))
                : await ReadFileAsync(secret, cancellation);
            return value.Bytes.Length <= SecretBytesMax ? value : throw TooLarge(secret);
        }
        catch (InputException e)
        {
            throw new GrpcStatusException(GrpcStatusCode.Unknown, e.Message, inner: e);
        }
    }

    private static async Task<SecretValue> ReadFileAsync(SecretSpec secret, CancellationToken cancellation)
    {
        try
        {
            await using var file = new FileStream(secret.FilePath, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);

            // Read to the end rather than to the length: the file may be a pipe, such as a shell's <(…).
            using var value = new MemoryStream();
            var buffer = new byte[16 * 1024];
            int count;
            while (value.Length <= SecretBytesMax && (count = await file.ReadAsync(buffer, cancellation)) > 0)
            {
                value.Write(buffer, 0, count);
            }

            return new SecretValue(value.ToArray());
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"secret {secret.Id}: cannot read {secret.FilePath}: {e.Message}", e);
        }
    }

    private static InputException TooLarge(SecretSpec secret) =>
        new($"secret {secret.Id} too big. max size 500KiB; keep larger data in the build context or in a cache mount");
}
