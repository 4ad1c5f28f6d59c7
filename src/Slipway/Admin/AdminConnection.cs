using Grpc.Core;
using Grpc.Core.Interceptors;
using Grpc.Net.Client;
using Slipway.Contract.Admin.V1;
using Slipway.Server.Admin;
using Slipway.Server.Storage;
using Slipway.Settings;

namespace Slipway.Admin;

/// <summary>The admin API, of a server that is called or of a folder that is opened.</summary>
internal sealed class AdminConnection : IAsyncDisposable
{
    private readonly IAsyncDisposable? _local;
    private readonly GrpcChannel? _channel;

    private AdminConnection(CallInvoker invoker, GrpcChannel? channel, IAsyncDisposable? local)
    {
        Client = new AdminService.AdminServiceClient(invoker);
        _channel = channel;
        _local = local;
    }

    public AdminService.AdminServiceClient Client { get; }

    public static AdminConnection Open(string? folder)
    {
        if (folder is not null)
        {
            var local = LocalAdmin.Open(folder, TimeProvider.System);
            return new AdminConnection(local.Invoker, null, local);
        }

        if (SlipwaySettings.ApiUrl is not { } url)
        {
            throw new StartupException("no server is named: set DEPOT_API_URL and DEPOT_TOKEN, or give the server's folder with --data DIR");
        }

        if (!Uri.TryCreate(url, UriKind.Absolute, out var address) || address.Scheme is not ("http" or "https"))
        {
            throw new StartupException($"DEPOT_API_URL is \"{url}\": it must begin with http:// or https://");
        }

        var channel = GrpcChannel.ForAddress(address, new GrpcChannelOptions
        {
            DisposeHttpClient = true,
            HttpHandler = new SocketsHttpHandler { ConnectTimeout = TimeSpan.FromSeconds(10) },
        });
        return new AdminConnection(channel.Intercept(metadata => Authorize(metadata)), channel, null);
    }

    public async ValueTask DisposeAsync()
    {
        _channel?.Dispose();
        if (_local is not null)
        {
            await _local.DisposeAsync();
        }
    }

    private static Metadata Authorize(Metadata metadata)
    {
        if (SlipwaySettings.Token is { } token)
        {
            metadata.Add("authorization", "Bearer " + token);
        }

        return metadata;
    }
}
