using Slipway.Server.Access;
using Slipway.Server.Builders;
using Slipway.Server.Certificates;
using Slipway.Server.Storage;
using Slipway.Server.Tokens;

namespace Slipway.Server;

/// <summary>A control plane that serves; disposing stops it at once, draining stops it gently.</summary>
public sealed class RunningServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly Database _database;
    private readonly BuildCertificates _certificates;
    private readonly DataFolder _folder;
    private readonly TaskCompletionSource _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _disposed;

    internal RunningServer(WebApplication app, Uri url, Database database, BuildCertificates certificates, DataFolder folder)
    {
        _app = app;
        Url = url;
        _database = database;
        _certificates = certificates;
        _folder = folder;
        app.Lifetime.ApplicationStopped.Register(() => _completion.TrySetResult());
    }

    public Uri Url { get; }

    /// <summary>Ends when the server has stopped.</summary>
    public Task Completion => _completion.Task;

    internal IServiceProvider Services => _app.Services;

    /// <summary>Takes no new connections, lets calls end, and tells builders to come back later.</summary>
    public Task DrainAsync() => _app.StopAsync();

    /// <summary>A join token for a builder in this process: used once, within minutes, seen by nobody.</summary>
    public async Task<string> CreateJoinTokenAsync(CancellationToken cancellation)
    {
        var create = Services.GetRequiredService<CreateToken>();
        return (await create.ForJoiningAsync(NewToken.Usual, Caller.AtTheDataFolder, cancellation)).Secret;
    }

    /// <summary>Waits until a builder is attached, at most until <paramref name="cancellation"/> fires.</summary>
    public async Task WaitForBuilderAsync(CancellationToken cancellation)
    {
        var fleet = Services.GetRequiredService<Fleet>();
        for (var changed = fleet.Changed; fleet.Attached.Count == 0; changed = fleet.Changed)
        {
            await changed.WaitAsync(cancellation);
        }
    }

    /// <summary>Lets what runs go on and places nothing new on any builder.</summary>
    public void StopPlacing()
    {
        var fleet = Services.GetRequiredService<Fleet>();
        foreach (var builder in fleet.Attached)
        {
            fleet.SetDraining(builder.Id, true);
        }
    }

    /// <summary>On an empty database: makes the first organization, project and owner token; otherwise answers null.</summary>
    public Task<FirstRun?> SetUpAsync(CancellationToken cancellation) => FirstRun.SetUpAsync(Services, cancellation);

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            return;
        }

        using (var now = new CancellationTokenSource())
        {
            await now.CancelAsync();
            try
            {
                await _app.StopAsync(now.Token);
            }
            catch (OperationCanceledException)
            {
                // At once means that calls are cut.
            }
        }

        await _app.DisposeAsync();
        _certificates.Dispose();
        await _database.DisposeAsync();
        _folder.Dispose();
        _completion.TrySetResult();
    }
}
