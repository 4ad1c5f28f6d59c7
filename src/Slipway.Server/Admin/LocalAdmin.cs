using Grpc.Core;
using Slipway.Server.Registry;
using Slipway.Server.Storage;

namespace Slipway.Server.Admin;

/// <summary>The admin API over a data folder of this machine, with or without a server that runs on it.</summary>
public sealed class LocalAdmin : IAsyncDisposable
{
    private readonly DataFolder? _folder;
    private readonly Database _database;
    private readonly ServiceProvider _services;

    private LocalAdmin(DataFolder? folder, Database database, ServiceProvider services)
    {
        _folder = folder;
        _database = database;
        _services = services;
        Invoker = new LocalCallInvoker(services.GetRequiredService<AdminEndpoints>());
    }

    public CallInvoker Invoker { get; }

    /// <summary>Opens the folder; beside a running server it shares the database, which takes writers one after the other.</summary>
    public static LocalAdmin Open(string path, TimeProvider clock)
    {
        path = Path.GetFullPath(path);
        if (!File.Exists(DataFolder.DatabasePath(path)))
        {
            throw new StartupException($"there is no Slipway data in {path}; name the folder of a server with --data DIR");
        }

        // The lock is taken when it is free, so that no server starts and migrates in the middle.
        var folder = DataFolder.HolderOf(path) is null ? DataFolder.Open(path) : null;
        try
        {
            if (folder is null && Schema.Version(DataFolder.DatabasePath(path)) != Schema.Newest)
            {
                throw new StartupException($"the server that runs on {path} is of another version; use the slipway command of that version");
            }

            var database = Database.Open(path);
            var services = new ServiceCollection().AddLogging().AddSingleton(ImageRegistry.Unknown).AddControlPlane(database, clock, serves: false).BuildServiceProvider();
            return new LocalAdmin(folder, database, services);
        }
        catch
        {
            folder?.Dispose();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _services.DisposeAsync();
        await _database.DisposeAsync();
        _folder?.Dispose();
    }
}
