using Slipway.Contract.Connect;

namespace Slipway.Server.Registry;

/// <summary>The registry that the operator runs beside this server, which believes this server's word for who may do what in it.</summary>
internal sealed class ImageRegistry : IDisposable
{
    /// <summary>Below the server's own address.</summary>
    public const string TokenPath = "/registry/token";

    /// <summary>Who signs; the same wherever this server moves.</summary>
    public const string Issuer = "slipway";

    private readonly SettledUrl? _server;
    private readonly RegistrySigner? _signer;

    public ImageRegistry(ServerOptions options, SettledUrl server)
    {
        _server = server;
        if (options.RegistryUrl is { } url)
        {
            Url = new Uri(url);
            _signer = new RegistrySigner(options.DataDirectory, Service, options.Clock);
        }
    }

    private ImageRegistry()
    {
    }

    /// <summary>For a tool that opens a server's folder: which registry the server has stands in the server's own settings.</summary>
    public static ImageRegistry Unknown { get; } = new();

    /// <summary>Null where the operator runs none.</summary>
    public Uri? Url { get; }

    /// <summary>How images of it are called: <c>registry.example.com</c>, <c>localhost:5000</c>.</summary>
    public string Host => Required.Authority;

    /// <summary>What its tokens are good for, and what the registry calls itself when it asks for one.</summary>
    public string Service => Host;

    public string Realm => (_server ?? throw Missing).Base + TokenPath;

    public RegistrySigner Signer => _signer ?? throw Missing;

    /// <exception cref="ApiException">There is no registry.</exception>
    public Uri Required => Url ?? throw Missing;

    public string NameOf(ImageRepository repository, string tag) => $"{Host}/{repository.Name}:{tag}";

    public void Dispose() => _signer?.Dispose();

    private ApiException Missing => _server is null
        ? new(ConnectCode.FailedPrecondition, "which registry a server has, only the running server knows", "set DEPOT_API_URL and DEPOT_TOKEN instead of --data DIR")
        : new(
            ConnectCode.FailedPrecondition,
            "this server keeps no images: it has no registry",
            "push with --push or load with --load; its operator can give it a registry with --registry-url (docs/self-hosting.md)");
}
