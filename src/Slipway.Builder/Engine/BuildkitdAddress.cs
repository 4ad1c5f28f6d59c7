using System.Text;
using Slipway.Builder.Records;
using Slipway.BuildKit.Control;
using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Http2;
using Slipway.BuildKit.Wire.Control;

namespace Slipway.Builder.Engine;

/// <summary>A buildkitd that somebody else runs, at an address: the sidecar of a pod. It serves one project only.</summary>
internal sealed class BuildkitdAddress(Uri address, string dataDirectory) : IEngineProgram
{
    public string Kind => "address";

    private string PinFile => Path.Combine(dataDirectory, "engine-project");

    public async Task<EngineFacts> CheckAsync(CancellationToken cancellation)
    {
        WorkerRecord? worker;
        try
        {
            await using var channel = GrpcChannel.Start(await DialAsync(cancellation), "http", "buildkitd", new Http2Options());
            worker = (await new ControlClient(channel).ListWorkersAsync(cancellation)).Record.FirstOrDefault();
        }
        catch (Exception e) when (e is IOException or GrpcStatusException)
        {
            throw new EngineException($"no buildkitd answers at {address}: {e.Message}", e);
        }

        var version = worker?.BuildkitVersion?.Version ?? "";
        if (EngineVersion.Find(version) is { } number)
        {
            BuildkitdProgram.CheckVersion(address.ToString(), number);
        }

        // The first platform is the worker's own; the others are emulated or compatible.
        return worker is not null && EngineRun.ArchitecturesOf([worker]) is [var own, .. var emulated]
            ? new EngineFacts(version, [own]) { Emulated = emulated }
            : new EngineFacts(version, [MachineArchitecture.Name]);
    }

    public Task<EngineLaunch?> PrepareAsync(EngineFolder folder, CacheBudget budget, CancellationToken cancellation)
    {
        Pin(folder.ProjectId);
        return Task.FromResult<EngineLaunch?>(null);
    }

    public Task<Stream> ConnectAsync(EngineFolder folder, CancellationToken cancellation) => DialAsync(cancellation);

    public Task CleanUpAsync(EngineFolder folder, CancellationToken cancellation) => Task.CompletedTask;

    /// <summary>One engine, one project: its cache, secrets and network are reachable by every build on it.</summary>
    private void Pin(string projectId)
    {
        var pinned = File.Exists(PinFile) ? File.ReadAllText(PinFile).Trim() : "";
        if (pinned.Length == 0)
        {
            DurableFile.Write(PinFile, Encoding.UTF8.GetBytes(projectId + "\n"));
        }
        else if (pinned != projectId)
        {
            throw new EngineException($"the buildkitd at {address} serves project {pinned} only; project {projectId} needs a builder of its own");
        }
    }

    private Task<Stream> DialAsync(CancellationToken cancellation) =>
        EngineTransport.ConnectAsync(address, dockerUpgrade: false, cancellation);
}
