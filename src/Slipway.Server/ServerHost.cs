using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.HttpOverrides;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging.Console;
using Slipway.Contract;
using Slipway.Server.Admin;
using Slipway.Server.Builders;
using Slipway.Server.Builds;
using Slipway.Server.Certificates;
using Slipway.Server.Connect;
using Slipway.Server.Downloads;
using Slipway.Server.Listening;
using Slipway.Server.Login;
using Slipway.Server.Pages;
using Slipway.Server.Projects;
using Slipway.Server.Registry;
using Slipway.Server.Storage;

namespace Slipway.Server;

/// <summary>Puts a control plane together and starts it.</summary>
public static class ServerHost
{
    /// <summary>Longer than a long poll, so that a drain cuts none; shorter than service managers wait before they kill.</summary>
    private static readonly TimeSpan DrainMax = TimeSpan.FromSeconds(28);

    /// <summary>Serves when the task ends.</summary>
    /// <exception cref="StartupException">It cannot start; the message is for the person who tried.</exception>
    public static async Task<RunningServer> StartAsync(ServerOptions options, CancellationToken cancellation)
    {
        if (options.Validate() is { Count: > 0 } problems)
        {
            throw new StartupException(string.Join(Environment.NewLine, problems));
        }

        var tls = options.LoadTls();
        var folder = DataFolder.Open(options.DataDirectory);
        Database? database = null;
        BuildCertificates? certificates = null;
        try
        {
            var isNew = !File.Exists(DataFolder.DatabasePath(folder.Path));
            database = Database.Open(folder.Path);
            certificates = new BuildCertificates(folder.Path, options.Clock);
            var settled = new SettledUrl { Options = options };
            var app = Compose(options, settled, tls, database, certificates);
            await ListenAsync(app, options, cancellation);
            settled.Url = Reachable(new Uri(app.Urls.First()));
            var log = app.Services.GetRequiredService<ILogger<RunningServer>>();
            Warn(log, options, tls, folder.Path, isNew ? [] : certificates.NewAuthorities);
            ServerLog.Serving(log, settled.Url.ToString(), folder.Path);
            ServerLog.Downloads(log, app.Services.GetRequiredService<DownloadShelf>().Describe());
            return new RunningServer(app, settled.Url, database, certificates, folder);
        }
        catch
        {
            certificates?.Dispose();
            if (database is not null)
            {
                await database.DisposeAsync();
            }

            folder.Dispose();
            throw;
        }
    }

    /// <summary>What the operator should know although the server serves.</summary>
    private static void Warn(ILogger log, ServerOptions options, TlsIdentity? tls, string folder, IEnumerable<string> lostAuthorities)
    {
        foreach (var issuer in options.InsecureIssuers)
        {
            ServerLog.InsecureIssuer(log, issuer);
        }

        if (tls?.Trouble(options.Clock.GetUtcNow()) is { } trouble)
        {
            ServerLog.TlsTrouble(log, options.TlsCertificate!, trouble);
        }

        if (Schema.Version(DataFolder.DatabasePath(folder)) is var version && version > Schema.Newest)
        {
            ServerLog.NewerData(log, folder, version, Schema.Newest);
        }

        foreach (var name in lostAuthorities)
        {
            ServerLog.AuthorityLost(log, folder, name);
        }
    }

    // An address that listens everywhere is reached from this machine on loopback; nobody can dial 0.0.0.0.
    private static Uri Reachable(Uri listening) =>
        IPAddress.TryParse(listening.Host.Trim('[', ']'), out var address) && (address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any))
            ? new UriBuilder(listening) { Host = "127.0.0.1" }.Uri
            : listening;

    private static WebApplication Compose(
        ServerOptions options, SettledUrl settled, TlsIdentity? tls, Database database, BuildCertificates certificates)
    {
        // Slim: no settings are read from files or the environment here, and no signals are handled; the executable does both.
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        builder.Configuration.Sources.Clear();
        builder.Services.AddSingleton<IHostLifetime, NoSignals>();
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = DrainMax);
        AddLogging(builder.Logging, options.LogLevel);
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel => Listen(kestrel, options, tls));
        builder.Services
            .AddSingleton(settled)
            .AddSingleton(DownloadShelf.Open(options.DownloadsDirectory))
            .AddSingleton(options)
            .AddSingleton<ImageRegistry>()
            .AddControlPlane(database, options.Clock, serves: true)
            .AddServing(certificates, options)
            .AddHostedService(services => services.GetRequiredService<BuildReaper>())
            .AddGrpc(grpc =>
            {
                grpc.MaxReceiveMessageSize = Limits.MessageBytesMax;
                grpc.Interceptors.Add<CallInterceptor>();
            });

        if (options.SignInIssuer is not null)
        {
            builder.Services.AddProviderSignIn(options);
        }

        var app = builder.Build();
        if (options.TrustedProxies.Count > 0)
        {
            app.UseForwardedHeaders(Forwarded(options.TrustedProxies));
        }

        if (options.SignInIssuer is not null)
        {
            app.UseAuthentication();
        }

        app.UseRouting();
        app.UseMiddleware<CallEdge>();
        app.UseMiddleware<ConnectMiddleware>();
        app.MapGrpcService<BuildEndpoints>();
        app.MapGrpcService<ProjectEndpoints>();
        app.MapGrpcService<FleetEndpoints>();
        app.MapGrpcService<AdminEndpoints>();
        app.MapGrpcService<OrganizationEndpoints>();
        app.MapGrpcService<CoreProjectEndpoints>();
        app.MapGrpcService<LoginEndpoints>();
        app.MapGrpcService<RegistryEndpoints>();
        app.MapGrpcService<PushEndpoints>();
        app.MapPages(options);
        app.MapDownloads();
        if (app.Services.GetRequiredService<ImageRegistry>().Url is not null)
        {
            RegistryTokenEndpoint.Map(app);
        }

        return app;
    }

    // Only the nearest proxy's word counts, and only for the caller's address: everything else a caller could make up.
    private static ForwardedHeadersOptions Forwarded(IEnumerable<string> proxies)
    {
        var forwarded = new ForwardedHeadersOptions { ForwardedHeaders = ForwardedHeaders.XForwardedFor };
        forwarded.KnownProxies.Clear();
        forwarded.KnownIPNetworks.Clear();
        foreach (var proxy in proxies)
        {
            forwarded.KnownIPNetworks.Add(System.Net.IPNetwork.TryParse(proxy, out var network)
                ? network : new System.Net.IPNetwork(IPAddress.Parse(proxy), proxy.Contains(':', StringComparison.Ordinal) ? 128 : 32));
        }

        return forwarded;
    }

    private static void AddLogging(ILoggingBuilder logging, LogLevel level)
    {
        logging.ClearProviders();
        logging.SetMinimumLevel(level);
        logging.AddFilter("Microsoft", LogLevel.Warning);
        logging.AddFilter("Grpc", LogLevel.Critical);

        // It logs nothing that the call's edge does not, and makes an activity for every request as long as it might.
        logging.AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.None);

        // What keeps the host from starting is told by the executable, once.
        logging.AddFilter("Microsoft.Extensions.Hosting", LogLevel.None);

        // Its keys protect one sign-in and are kept nowhere, so that nothing encrypts them.
        logging.AddFilter("Microsoft.AspNetCore.DataProtection", LogLevel.Error);

        // Why the identity provider let nobody in stands in the audit log.
        logging.AddFilter("Microsoft.AspNetCore.Authentication", LogLevel.Critical);

        // A call that is cut off in the middle is the peer's affair.
        logging.AddFilter("Microsoft.AspNetCore.Server.Kestrel", LogLevel.Error);
        logging.AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.ColorBehavior = LoggerColorBehavior.Disabled;
            console.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ ";
            console.UseUtcTimestamp = true;
        });
        logging.Services.Configure<ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
    }

    private static void Listen(KestrelServerOptions kestrel, ServerOptions options, TlsIdentity? tls)
    {
        kestrel.AddServerHeader = false;
        kestrel.AllowAlternateSchemes = true;
        kestrel.Limits.MaxRequestBodySize = Limits.MessageBytesMax + (64 * 1024);

        // A thousand builds behind one proxy connection are more than Kestrel's hundred streams.
        kestrel.Limits.Http2.MaxStreamsPerConnection = 1024;
        kestrel.Limits.Http2.KeepAlivePingDelay = TimeSpan.FromSeconds(20);
        kestrel.Limits.Http2.KeepAlivePingTimeout = TimeSpan.FromSeconds(20);
        if (!ServerOptions.TryParseListen(options.Listen, out var endpoint))
        {
            throw new StartupException($"the listen address is \"{options.Listen}\": it must be ADDRESS:PORT");
        }

        kestrel.Listen(endpoint, listen =>
        {
            listen.Protocols = HttpProtocols.Http1AndHttp2;
            if (tls is not null)
            {
                listen.UseHttps(https => (https.ServerCertificate, https.ServerCertificateChain) = (tls.Certificate, tls.Chain));
            }
            else
            {
                listen.UsePriorKnowledge(options.Clock);
            }
        });
    }

    private static async Task ListenAsync(WebApplication app, ServerOptions options, CancellationToken cancellation)
    {
        try
        {
            await app.StartAsync(cancellation);
        }
        catch (IOException failure)
        {
            await app.DisposeAsync();
            var inUse = failure.InnerException is AddressInUseException
                || failure.InnerException is SocketException { SocketErrorCode: SocketError.AddressAlreadyInUse };
            throw new StartupException(
                inUse
                    ? $"the address {options.Listen} is in use by another program; choose another one with --listen ADDRESS:PORT"
                    : $"cannot listen on {options.Listen}: {(failure.InnerException ?? failure).Message.TrimEnd('.')}; choose another one with --listen ADDRESS:PORT",
                failure);
        }
        catch (SocketException failure)
        {
            await app.DisposeAsync();
            throw new StartupException(
                $"cannot listen on {options.Listen}: {failure.Message.TrimEnd('.')}; choose another one with --listen ADDRESS:PORT", failure);
        }
    }

    /// <summary>The executable decides what a signal means.</summary>
    private sealed class NoSignals : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}

/// <summary>The server's own address, known when it listens.</summary>
internal sealed class SettledUrl
{
    public required ServerOptions Options { get; init; }

    public Uri? Url { get; set; }

    /// <summary>How everybody calls this server, without a final slash; also what CI tokens must be meant for.</summary>
    public string Base => (Options.PublicUrl ?? Url?.ToString() ?? "").TrimEnd('/');

    public bool IsHttps => Base.StartsWith("https:", StringComparison.OrdinalIgnoreCase);

    public string OfBuild(string buildId) => $"{Base}/builds/{buildId}";
}
