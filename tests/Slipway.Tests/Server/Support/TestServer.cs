using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Slipway.Contract.Admin.V1;
using Slipway.Contract.Depot.Cli.V1;
using Slipway.Contract.Fleet.V1;
using Slipway.Contract.Tokens;
using Slipway.Server;
using Slipway.Server.Audit;
using Slipway.Server.People;
using Slipway.Server.Storage;
using Xunit;
using User = Slipway.Server.People.User;

namespace Slipway.Tests.Server.Support;

/// <summary>A real server on a loopback port with a real database in a folder of its own.</summary>
internal sealed class TestServer : IAsyncDisposable
{
    private readonly Dictionary<string, GrpcChannel> _channels = [];
    private readonly bool _ownsFolder;

    private TestServer(RunningServer running, ServerOptions options, bool ownsFolder)
    {
        Running = running;
        Options = options;
        _ownsFolder = ownsFolder;
    }

    public RunningServer Running { get; private set; }

    public ServerOptions Options { get; }

    public Uri Url => Running.Url;

    /// <summary>What the first run made.</summary>
    public FirstRun First { get; private set; } = new("", "", "");

    public string Owner => First.Token;

    public static async Task<TestServer> StartAsync(
        TimeProvider? clock = null,
        string? folder = null,
        bool tls = false,
        bool emulation = true,
        Func<ServerOptions, ServerOptions>? change = null)
    {
        var options = new ServerOptions
        {
            DataDirectory = folder ?? Directory.CreateTempSubdirectory("slipway-test-").FullName,
            Listen = "127.0.0.1:0",
            LogLevel = LogLevel.None,
            Clock = clock ?? TimeProvider.System,
            Emulation = emulation,
        };
        if (tls)
        {
            var (certificate, key) = SelfSigned(options.DataDirectory);
            options = options with { TlsCertificate = certificate, TlsKey = key };
        }

        options = change?.Invoke(options) ?? options;
        var server = new TestServer(await ServerHost.StartAsync(options, default), options, folder is null);
        server.First = await server.Running.SetUpAsync(default) ?? server.First;
        return server;
    }

    /// <summary>Stops it in the middle of whatever it does and starts it on the same folder and port.</summary>
    public async Task RestartAsync()
    {
        var port = Url.Port;
        await Running.DisposeAsync();
        Running = await ServerHost.StartAsync(Options with { Listen = $"127.0.0.1:{port}" }, default);
    }

    public T Service<T>()
        where T : notnull => Running.Services.GetRequiredService<T>();

    public BuildService.BuildServiceClient Builds(string? token = null) => new(Channel(token ?? Owner));

    public AdminService.AdminServiceClient Admin(string? token = null) => new(Channel(token ?? Owner));

    public FleetService.FleetServiceClient Fleet(string? token) => new(Channel(token));

    public CallInvoker Invoker(string? token) => Channel(token).CreateCallInvoker();

    /// <summary>A person with a role in an organization; the token is the person's own.</summary>
    public async Task<(string Email, string Token)> CreateUserAsync(string organization, string role, string? password = null)
    {
        var email = $"{Guid.NewGuid():n}@example.com";
        var invited = await Admin().InviteUserAsync(new InviteUserRequest { Email = email, OrganizationId = organization, Role = role });
        var hash = TokenText.Hash(invited.Link.Split('/')[^1]);
        var user = new User { Id = Ids.User(), Email = email, PasswordHash = password is null ? null : await Service<Passwords>().HashAsync(password, default) };
        var record = new AuditEntry { At = Options.Clock.GetUtcNow().ToUnixTimeMilliseconds(), Actor = "test", Action = "test" };
        Assert.NotNull(await Service<UserStore>().AcceptAsync(hash, user, record, default));
        return (email, (await Admin().CreateTokenAsync(new CreateTokenRequest { UserEmail = email })).Token);
    }

    /// <summary>The audit log, newest first, with what is still on its way into it.</summary>
    public async Task<IReadOnlyList<AuditRecord>> AuditAsync(string action = "")
    {
        await Service<Denials>().FlushAsync(default);
        return (await Admin().ListAuditAsync(new ListAuditRequest { Action = action, PageSize = 1000 })).Records;
    }

    public async Task<(string Id, string Token)> CreateBuildAsync(string? token = null)
    {
        var made = await Builds(token).CreateBuildAsync(new CreateBuildRequest { ProjectId = First.ProjectId });
        return (made.BuildId, made.BuildToken);
    }

    public async Task<string> StatusAsync(string build)
    {
        var shown = await Admin().ShowBuildAsync(new ShowBuildRequest { BuildId = build });
        return $"{shown.Build.Status}: {shown.Build.Reason}";
    }

    public HttpClient Http(Version version, string? token = null)
    {
        var client = new HttpClient(new SocketsHttpHandler { AutomaticDecompression = DecompressionMethods.None })
        {
            BaseAddress = Url,
            DefaultRequestVersion = version,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        if (token is not null)
        {
            client.DefaultRequestHeaders.Authorization = new("Bearer", token);
        }

        return client;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var channel in _channels.Values)
        {
            channel.Dispose();
        }

        await Running.DisposeAsync();
        if (_ownsFolder)
        {
            Directory.Delete(Options.DataDirectory, recursive: true);
        }
    }

    private GrpcChannel Channel(string? token)
    {
        lock (_channels)
        {
            var key = $"{Url} {token}";
            return _channels.TryGetValue(key, out var known) ? known : _channels[key] = NewChannel(token);
        }
    }

    private GrpcChannel NewChannel(string? token)
    {
        var http = new SocketsHttpHandler();
        http.SslOptions.RemoteCertificateValidationCallback = (_, _, _, _) => true;
        return GrpcChannel.ForAddress(Url, new GrpcChannelOptions
        {
            HttpClient = new HttpClient(new WithToken(http, token)) { Timeout = Timeout.InfiniteTimeSpan },
            DisposeHttpClient = true,
        });
    }

    private static (string Certificate, string Key) SelfSigned(string folder)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new System.Security.Cryptography.X509Certificates.CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        var paths = (Path.Combine(folder, "tls.pem"), Path.Combine(folder, "tls.key"));
        File.WriteAllText(paths.Item1, certificate.ExportCertificatePem());
        File.WriteAllText(paths.Item2, key.ExportPkcs8PrivateKeyPem());
        return paths;
    }

    private sealed class WithToken(HttpMessageHandler inner, string? token) : DelegatingHandler(inner)
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (token is not null)
            {
                request.Headers.Authorization = new("Bearer", token);
            }

            return base.SendAsync(request, cancellationToken);
        }
    }
}
