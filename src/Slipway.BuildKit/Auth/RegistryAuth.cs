using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Progress;
using Slipway.BuildKit.Session;
using Slipway.BuildKit.Wire.Session;

namespace Slipway.BuildKit.Auth;

/// <summary>Answers BuildKit's questions for registry credentials (<c>moby.filesync.v1.Auth</c>).</summary>
/// <remarks>BuildKit asks GetTokenAuthority first and, told that it is unavailable, takes the credentials themselves and fetches its
/// own tokens.</remarks>
public sealed class RegistryAuth : IAttachable, IDisposable
{
    private readonly CredentialLookup _credentials;
    private readonly TokenExchange _tokens;
    private readonly VertexWriter? _progress;
    private readonly HashSet<string> _announced = [];

    /// <param name="progress">Shows once per registry that its credentials were used.</param>
    public RegistryAuth(CredentialOptions options, HttpClient http, TimeProvider clock, VertexWriter? progress = null)
    {
        _credentials = new CredentialLookup(options, clock);
        _tokens = new TokenExchange(http, clock);
        _progress = progress;
        Methods = new Dictionary<string, GrpcHandler>
        {
            ["/moby.filesync.v1.Auth/Credentials"] = CredentialsAsync,
            ["/moby.filesync.v1.Auth/FetchToken"] = FetchTokenAsync,
            ["/moby.filesync.v1.Auth/GetTokenAuthority"] = RefuseTokenAuthorityAsync,
            ["/moby.filesync.v1.Auth/VerifyTokenAuthority"] = RefuseTokenAuthorityAsync,
        };
    }

    public IReadOnlyDictionary<string, GrpcHandler> Methods { get; }

    /// <summary>The credentials for <paramref name="host"/>, for the client's own calls to a registry.</summary>
    public Task<RegistryCredential?> FindAsync(string host, CancellationToken cancellation) => _credentials.FindAsync(host, cancellation);

    public void Dispose() => _credentials.Dispose();

    internal async Task CredentialsAsync(IGrpcStream call, CancellationToken cancellation)
    {
        var request = await UnaryCall.ReadAsync(call, CredentialsRequest.Parser, cancellation);
        var credential = await FindOrFailAsync(request.Host, cancellation);
        if (credential is { Secret.Length: > 0 })
        {
            Announce($"[auth] sharing credentials for {request.Host}");
        }

        var response = new CredentialsResponse { Username = credential?.SecretUsername ?? "", Secret = credential?.Secret ?? "" };
        await call.WriteMessageAsync(response, cancellation);
    }

    internal async Task FetchTokenAsync(IGrpcStream call, CancellationToken cancellation)
    {
        var request = await UnaryCall.ReadAsync(call, FetchTokenRequest.Parser, cancellation);
        var credential = await FindOrFailAsync(request.Host, cancellation);
        if (credential is { Secret.Length: > 0 })
        {
            var scopes = request.Scopes.Select(scope => scope.StartsWith("repository:", StringComparison.Ordinal) ? scope["repository:".Length..] : scope);
            Announce($"[auth] {string.Join(' ', scopes)} token for {request.Host}");
        }

        var wanted = new RegistryTokenRequest { Realm = request.Realm, Service = request.Service, Scopes = request.Scopes };
        RegistryToken token;
        try
        {
            token = await _tokens.FetchAsync(wanted, credential, cancellation);
        }
        catch (InputException e)
        {
            throw new GrpcStatusException(GrpcStatusCode.Unknown, e.Message, inner: e);
        }

        var response = new FetchTokenResponse { Token = token.Value, ExpiresIn = token.ExpiresInSeconds };
        if (token.IssuedAt is { } issued)
        {
            response.IssuedAt = issued.ToUnixTimeSeconds();
        }

        await call.WriteMessageAsync(response, cancellation);
    }

    internal static Task RefuseTokenAuthorityAsync(IGrpcStream call, CancellationToken cancellation) =>
        throw new GrpcStatusException(GrpcStatusCode.Unavailable, "client side tokens disabled");

    private async Task<RegistryCredential?> FindOrFailAsync(string host, CancellationToken cancellation)
    {
        try
        {
            return await _credentials.FindAsync(host, cancellation);
        }
        catch (InputException e)
        {
            throw new GrpcStatusException(GrpcStatusCode.Unknown, e.Message, inner: e);
        }
    }

    private void Announce(string name)
    {
        if (_progress is null)
        {
            return;
        }

        lock (_announced)
        {
            if (!_announced.Add(name))
            {
                return;
            }
        }

        _progress.Start(name).Complete();
    }
}
