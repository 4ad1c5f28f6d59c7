using System.Globalization;
using Depot.Cli;
using Depot.Cli.ControlPlane;
using Slipway.Builder.Engine;
using Slipway.BuildKit.Progress;
using Slipway.Contract.Depot.Cli.V1;

namespace Slipway.Bench.EndToEnd;

/// <summary>buildx on the way that our client takes: its remote driver, with one build's certificate, through the builder's own port.</summary>
/// <remarks>The build is held open, so that the certificate stays good between the commands.</remarks>
internal sealed class RemoteBuildx : IAsyncDisposable
{
    private const string Name = "slipway-bench";

    private readonly BuildApi _api;
    private readonly BuildRecord _record;
    private readonly BuilderLease _lease;

    private RemoteBuildx(BuildApi api, BuildRecord record, BuilderLease lease) => (_api, _record, _lease) = (api, record, lease);

    /// <summary>What to put between <c>buildx build</c> and the rest.</summary>
    public static IReadOnlyList<string> Flags { get; } = ["--builder", Name];

    public static async Task<RemoteBuildx> OpenAsync(
        CliContext cli, string projectId, ScratchFolder folder, IReadOnlyDictionary<string, string> environment, CancellationToken cancellation)
    {
        var api = cli.OpenApi();
        var record = await BuildRecord.OpenAsync(api, Credentials.Resolve(null, cli), new CreateBuildRequest { ProjectId = projectId }, cancellation);
        var lease = await BuilderLease.AcquireAsync(
            api, record, MachineArchitecture.Name, new VertexWriter(_ => { }, cli.Clock), cli.Settings.Proxies, cli.Clock, cancellation);
        var remote = new RemoteBuildx(api, record, lease);
        try
        {
            await remote.IntroduceAsync(folder, environment, cancellation);
            return remote;
        }
        catch
        {
            await remote.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _lease.DisposeAsync();
        await _record.SucceedAsync(CancellationToken.None);
        await _api.DisposeAsync();
    }

    private async Task IntroduceAsync(ScratchFolder folder, IReadOnlyDictionary<string, string> environment, CancellationToken cancellation)
    {
        var platform = MachineArchitecture.Name == "arm64" ? BuilderPlatform.Arm64 : BuilderPlatform.Amd64;
        var answer = await _api.GetConnectionAsync(new GetBuildKitConnectionRequest { BuildId = _record.Id, Platform = platform }, _record.Token, cancellation);
        var machine = answer.Active ?? throw new InvalidOperationException("the engine that runs was not offered to buildx");
        var keys = folder.Folder("remote");
        string Write(string name, string text)
        {
            File.WriteAllText(Path.Combine(keys, name), text);
            return $"{Path.GetFileNameWithoutExtension(name)}={Path.Combine(keys, name)}";
        }

        var options = string.Create(CultureInfo.InvariantCulture,
            $"{Write("cacert.pem", machine.CaCert.Cert_)},{Write("cert.pem", machine.Cert.Cert_)},{Write("key.pem", machine.Cert.Key)},servername={machine.ServerName}");
        await Measured.RunPlainlyAsync(
            new Command("docker", ["buildx", "create", "--name", Name, "--driver", "remote", "--driver-opt", options, machine.Endpoint], environment), cancellation);
    }
}
