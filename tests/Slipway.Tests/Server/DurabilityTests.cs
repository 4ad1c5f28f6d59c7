using System.Collections.Concurrent;
using Grpc.Core;
using Grpc.Net.Client;
using Slipway.Contract.Depot.Cli.V1;
using Slipway.Server.Storage;
using Slipway.Tests.Server.Support;
using Xunit;

namespace Slipway.Tests.Server;

/// <summary>What was answered is there after the server was killed, whenever that was.</summary>
public sealed class DurabilityTests
{
    private const int Kills = 20;

    [Fact]
    public async Task Every_acknowledged_build_and_end_outlives_twenty_kills()
    {
        var folder = Directory.CreateTempSubdirectory("slipway-test-").FullName;
        var created = new ConcurrentDictionary<string, bool>();
        var random = new Random(11);
        for (var kill = 0; kill < Kills; kill++)
        {
            await using var server = SlipwayProcess.Start(["server", "--data", folder, "--listen", "127.0.0.1:0"]);
            using var channel = Channel(await server.ReadyAsync());
            var (token, project) = Credentials(folder);
            using var enough = new CancellationTokenSource();
            var clients = Enumerable.Range(0, 8).Select(_ => CreateAsync(channel, token, project, created, enough.Token)).ToArray();

            // Killed in the middle of work: after so many answers, whichever call is then under way.
            var target = created.Count + random.Next(5, 60);
            await TestWait.UntilAsync(() => created.Count >= target);
            server.Kill();
            await enough.CancelAsync();
            await Task.WhenAll(clients);
        }

        Assert.Empty(FolderCheck.Run(folder));
        await AllThereAsync(folder, created);
        Directory.Delete(folder, recursive: true);
    }

    private static async Task CreateAsync(
        GrpcChannel channel, string token, string project, ConcurrentDictionary<string, bool> created, CancellationToken cancellation)
    {
        var client = new BuildService.BuildServiceClient(channel);
        var headers = new Metadata { { "authorization", $"Bearer {token}" } };
        while (!cancellation.IsCancellationRequested)
        {
            // Only the kill ends a call: an answer that is on its way counts.
            try
            {
                var made = await client.CreateBuildAsync(new CreateBuildRequest { ProjectId = project }, headers, cancellationToken: CancellationToken.None);
                created[made.BuildId] = false;
                await client.FinishBuildAsync(new FinishBuildRequest { BuildId = made.BuildId, Success = new() }, headers, cancellationToken: CancellationToken.None);
                created[made.BuildId] = true;
            }
            catch (RpcException)
            {
                return;
            }
        }
    }

    private static async Task AllThereAsync(string folder, ConcurrentDictionary<string, bool> created)
    {
        await using var server = SlipwayProcess.Start(["server", "--data", folder, "--listen", "127.0.0.1:0"]);
        using var channel = Channel(await server.ReadyAsync());
        var (token, project) = Credentials(folder);
        var headers = new Metadata { { "authorization", $"Bearer {token}" } };
        var found = new Dictionary<string, BuildStatus>();
        var next = "";
        do
        {
            var page = await new BuildService.BuildServiceClient(channel).ListBuildsAsync(
                new ListBuildsRequest { ProjectId = project, PageSize = 1000, PageToken = next }, headers);
            foreach (var build in page.Builds)
            {
                found.Add(build.Id, build.Status);
            }

            next = page.NextPageToken;
        }
        while (next.Length > 0);

        Assert.All(created, build =>
        {
            Assert.True(found.ContainsKey(build.Key), $"{build.Key} was acknowledged and is gone");
            Assert.True(!build.Value || found[build.Key] == BuildStatus.Finished, $"the end of {build.Key} was acknowledged and is gone");
        });
    }

    private static GrpcChannel Channel(Uri url) => GrpcChannel.ForAddress(url);

    private static (string Token, string Project) Credentials(string folder)
    {
        var credentials = SlipwayProcess.Credentials(folder);
        return (credentials.GetProperty("token").GetString()!, credentials.GetProperty("projectId").GetString()!);
    }
}
