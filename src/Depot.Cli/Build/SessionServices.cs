using System.Collections.Concurrent;
using Depot.Cli.Docker;
using Slipway.BuildKit;
using Slipway.BuildKit.Auth;
using Slipway.BuildKit.Content;
using Slipway.BuildKit.Export;
using Slipway.BuildKit.FileSync;
using Slipway.BuildKit.Secrets;
using Slipway.BuildKit.Session;
using Slipway.BuildKit.Ssh;
using Slipway.BuildKit.Upload;

namespace Depot.Cli.Build;

/// <summary>What the client serves to the builders of one target: files, credentials, secrets, agents, and places for the results.</summary>
internal sealed class SessionServices : IAsyncDisposable
{
    private readonly List<IAttachable> _all = [];
    private readonly List<IAttachable> _own = [];

    // By folder: several builders may write into one.
    private readonly ConcurrentDictionary<string, FolderMirror> _mirrors = new(StringComparer.Ordinal);

    /// <summary>The services of one Solve: those of the target, and the places for its own results.</summary>
    public IReadOnlyList<IAttachable> For(BuildPlan plan, DockerLoad? load, SbomIntake? sboms)
    {
        var services = new List<IAttachable>(_all);
        if (Stores(plan, load, sboms) is { Count: > 0 } stores)
        {
            services.Add(new BlobIntake(stores));
        }

        if (Targets(plan) is { Count: > 0 } targets)
        {
            services.Add(new ExportProvider(targets));
        }

        return services;
    }

    /// <param name="registries">Shared with other targets; stays open.</param>
    /// <exception cref="InputException">A secret, an agent or a key cannot be used.</exception>
    public static async Task<SessionServices> OpenAsync(
        CliContext cli, BuildPlan plan, RegistryAuth registries, CancellationToken cancellation)
    {
        var services = new SessionServices();
        try
        {
            await services.AddAllAsync(cli, plan, registries, cancellation);
            return services;
        }
        catch
        {
            await services.DisposeAsync();
            throw;
        }
    }

    /// <summary>Empties the folders of <c>mode=delete</c> of what is no result of this build, which is over.</summary>
    public void DeleteOthers()
    {
        foreach (var mirror in _mirrors.Values)
        {
            mirror.DeleteOthers();
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var service in _own)
        {
            if (service is IAsyncDisposable disposable)
            {
                await disposable.DisposeAsync();
            }
            else
            {
                (service as IDisposable)?.Dispose();
            }
        }
    }

    private async Task AddAllAsync(CliContext cli, BuildPlan plan, RegistryAuth registries, CancellationToken cancellation)
    {
        if (plan.Inputs.Folders.Count > 0)
        {
            Own(new FileSyncProvider(plan.Inputs.Folders, cli.Uploads.Watch, plan.StableTimes ? FileTimes.OfContents : FileTimes.OfFiles));
        }

        if (plan.Inputs.UploadedContext is { } archive)
        {
            var upload = new UploadProvider();
            plan.Attributes["context"] = plan.Platforms.Count > 1 || plan.LoadsApart || plan.SbomsApart
                ? upload.Add(await plan.Inputs.KeepArchiveAsync(archive, cancellation))
                : upload.Add(archive.Open());
            Own(upload);
        }

        if (plan.Layouts is { Count: > 0 } layouts)
        {
            Own(new BlobSource(layouts));
        }

        _all.Add(registries);
        if (plan.Secrets.Count > 0)
        {
            Own(SecretSource.Open(plan.Secrets, cli.Settings.Variable, cli.WorkingFolder));
        }

        if (plan.SshAgents.Count > 0)
        {
            var options = new SshOptions
            {
                AgentSocket = cli.Settings.SshAgentSocket,
                SearchPath = cli.Settings.SearchPath,
                WorkingDirectory = cli.WorkingFolder,
            };
            Own(await SshAgentForward.OpenAsync(plan.SshAgents, options, cli.Clock, cancellation));
        }
    }

    private void Own(IAttachable service)
    {
        _own.Add(service);
        _all.Add(service);
    }

    /// <summary>Where blobs go: the image for Docker or for a layout, and caches.</summary>
    private static Dictionary<string, BlobStore> Stores(BuildPlan plan, DockerLoad? load, SbomIntake? sboms)
    {
        var stores = plan.LocalCacheExports.Select(LocalCache.Destination).DistinctBy(layout => layout.Folder)
            .ToDictionary(layout => $"local:{layout.Folder}", layout => layout.Store, StringComparer.Ordinal);
        if (load is not null)
        {
            stores[BlobIntake.Export] = load.OpenAsync;
        }
        else if (plan.Outputs.FirstOrDefault(output => output.Target == OutputTarget.Layout) is { } output)
        {
            stores[BlobIntake.Export] = new OciLayout(output.Destination).Store;
        }
        else if (sboms is not null)
        {
            stores[BlobIntake.Export] = sboms.OpenAsync;
        }

        return stores;
    }

    private FolderMirror? MirrorOf(OutputPlan output) => output.Attributes.GetValueOrDefault("mode") == "delete"
        ? _mirrors.GetOrAdd(output.Destination, folder => new FolderMirror(folder))
        : null;

    /// <summary>By the exporter's place in the request.</summary>
    private Dictionary<int, ExportTarget> Targets(BuildPlan plan)
    {
        var targets = new Dictionary<int, ExportTarget>();
        for (var i = 0; i < plan.Outputs.Count; i++)
        {
            var output = plan.Outputs[i];
            ExportTarget? target = output.Target switch
            {
                OutputTarget.File => new ExportTarget.IntoFile(output.Destination),
                OutputTarget.Folder => new ExportTarget.Folder(output.Destination, MirrorOf(output)),
                OutputTarget.StandardOutput => new ExportTarget.Bytes(_ => Task.FromResult<Stream?>(Console.OpenStandardOutput())),
                _ => null,
            };
            if (target is not null)
            {
                targets[i] = target;
            }
        }

        return targets;
    }
}
