using Google.Protobuf;
using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Progress;
using Slipway.BuildKit.Session;
using Slipway.BuildKit.Wire.Session;

namespace Slipway.BuildKit.Auth;

/// <summary>Answers BuildKit's questions for registry credentials (<c>moby.filesync.v1.Auth</c>).</summary>
/// <remarks>Of a registry that works with tokens, BuildKit asks GetTokenAuthority first, and then only for short-lived tokens. Of one that
/// wants a password with every request (Basic), and where <see cref="CredentialOptions.SharesSecrets"/> says so, it asks for the credentials.
/// The calls that it makes are those of its session/auth/auth.go.</remarks>
public sealed class RegistryAuth : IAttachable, IDisposable
{
    private readonly CredentialLookup _credentials;
    private readonly TokenExchange _tokens;
    private readonly TokenSeeds _seeds;
    private readonly bool _sharesSecrets;
    private readonly VertexWriter? _progress;
    private readonly HashSet<string> _announced = [];

    /// <param name="progress">Shows once per registry that its credentials were used.</param>
    public RegistryAuth(CredentialOptions options, HttpClient http, TimeProvider clock, VertexWriter? progress = null)
    {
        _credentials = new CredentialLookup(options, clock);
        _tokens = new TokenExchange(http, clock);
        _seeds = new TokenSeeds(options.DockerConfigFolder, clock);
        _sharesSecrets = options.SharesSecrets;
        _progress = progress;
        Methods = new Dictionary<string, GrpcHandler>
        {
            ["/moby.filesync.v1.Auth/Credentials"] = CredentialsAsync,
            ["/moby.filesync.v1.Auth/FetchToken"] = FetchTokenAsync,
            ["/moby.filesync.v1.Auth/GetTokenAuthority"] = GetTokenAuthorityAsync,
            ["/moby.filesync.v1.Auth/VerifyTokenAuthority"] = VerifyTokenAuthorityAsync,
        };
    }

    public IReadOnlyDictionary<string, GrpcHandler> Methods { get; }

    /// <summary>The credentials for <paramref name="host"/>, for the client's own calls to a registry.</summary>
    public Task<RegistryCredential?> FindAsync(string host, CancellationToken cancellation) => _credentials.FindAsync(host, cancellation);

    public void Dispose()
    {
        _credentials.Dispose();
        _seeds.Dispose();
    }

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

    internal async Task GetTokenAuthorityAsync(IGrpcStream call, CancellationToken cancellation)
    {
        var request = await UnaryCall.ReadAsync(call, GetTokenAuthorityRequest.Parser, cancellation);
        var seed = await SeedAsync(request.Host, cancellation);
        var key = TokenAuthority.PublicKey(request.Salt.Span, seed);
        await call.WriteMessageAsync(new GetTokenAuthorityResponse { PublicKey = ByteString.CopyFrom(key) }, cancellation);
    }

    internal async Task VerifyTokenAuthorityAsync(IGrpcStream call, CancellationToken cancellation)
    {
        var request = await UnaryCall.ReadAsync(call, VerifyTokenAuthorityRequest.Parser, cancellation);
        var seed = await SeedAsync(request.Host, cancellation);
        var signed = TokenAuthority.Sign(request.Payload.ToByteArray(), request.Salt.Span, seed);
        await call.WriteMessageAsync(new VerifyTokenAuthorityResponse { Signed = ByteString.CopyFrom(signed) }, cancellation);
    }

    /// <summary>What the registry's key is made from; null without credentials for it.</summary>
    private async Task<byte[]?> SeedAsync(string host, CancellationToken cancellation)
    {
        if (_sharesSecrets)
        {
            // BuildKit then asks for the credentials and fetches its own tokens.
            throw new GrpcStatusException(GrpcStatusCode.Unavailable, "client side tokens disabled");
        }

        return await FindOrFailAsync(host, cancellation) is { Secret.Length: > 0 } ? await _seeds.GetAsync(host, cancellation) : null;
    }

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
