using System.Formats.Tar;
using System.Text;
using System.Text.Json;
using Depot.Cli;
using Depot.Cli.Docker;
using Slipway.BuildKit.Content;
using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Progress;
using Slipway.BuildKit.Wire.Control;
using Slipway.Tests.Support;
using Xunit;

namespace Slipway.Tests.Cli;

/// <summary>Which blobs of an image travel to the local Docker, and what becomes of them there.</summary>
public sealed class DockerLoadTests : IDisposable
{
    private static readonly byte[][] Layers = [Layer(1), Layer(2), Layer(3)];
    private static readonly string[] DiffIds = [.. Layers.Select(layer => BlobCall.Digest([.. layer, 0]))];
    private static readonly byte[] Config = Encoding.UTF8.GetBytes($"{{\"rootfs\":{{\"diff_ids\":[{string.Join(',', DiffIds.Select(id => $"\"{id}\""))}]}}}}");
    private static readonly byte[] Manifest = Encoding.UTF8.GetBytes(
        $"{{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"config\":{{\"digest\":\"{BlobCall.Digest(Config)}\"}},"
        + $"\"layers\":[{string.Join(',', Layers.Select(layer => $"{{\"digest\":\"{BlobCall.Digest(layer)}\"}}"))}]}}");

    private readonly CliScene _scene = new();
    private readonly List<StatusResponse> _steps = [];

    public void Dispose() => _scene.Dispose();

    [Fact]
    public async Task Containerds_store_gets_the_blobs_that_it_lacks()
    {
        await using var daemon = await FakeDocker.StartAsync(Socket, FakeDocker.Containerd);
        daemon.Blobs[BlobCall.Digest(Layers[0])] = true;
        daemon.Blobs[BlobCall.Digest(Layers[2])] = true;
        await using var docker = await ConnectAsync();
        await using var load = Load(docker);
        await OfferAsync(load);
        Assert.True(await load.FinishAsync());

        var archive = await ReadAsync(Assert.Single(daemon.Loaded));
        Assert.Equal(Layers[1], archive[PathOf(Layers[1])]);
        Assert.Equal(Manifest, archive[PathOf(Manifest)]);
        Assert.Equal(5, archive.Count);
        using var index = JsonDocument.Parse(archive["index.json"]);
        var image = index.RootElement.GetProperty("manifests")[0];
        Assert.Equal(BlobCall.Digest(Manifest), image.GetProperty("digest").GetString());
        Assert.Equal("docker.io/library/app:1", image.GetProperty("annotations").GetProperty("io.containerd.image.name").GetString());
        Assert.Contains(_steps, step => step.Vertexes.Any(vertex => vertex.Name == "importing to docker" && vertex.Completed is not null && vertex.Error.Length == 0));
        Assert.Contains(_steps, step => step.Logs.Any(log => log.Msg.ToStringUtf8().StartsWith("2 of 3 layers were in Docker already", StringComparison.Ordinal)));
        Assert.Contains(_steps, step => step.Statuses.Any(status => status.Completed is not null && status.Current == Layers[1].Length));
    }

    [Fact]
    public async Task A_blob_that_vanished_meanwhile_is_sent_in_a_second_pass()
    {
        await using var daemon = await FakeDocker.StartAsync(Socket, FakeDocker.Containerd);
        foreach (var layer in Layers)
        {
            daemon.Blobs[BlobCall.Digest(layer)] = true;
        }

        daemon.Answers.Enqueue($$"""{"stream":"Error unpacking image app:1: content digest {{BlobCall.Digest(Layers[1])}}: not found\n"}""");
        await using var docker = await ConnectAsync();
        await using var load = Load(docker);
        await OfferAsync(load);
        Assert.False(await load.FinishAsync());
        await OfferAsync(load);
        Assert.True(await load.FinishAsync());
        Assert.DoesNotContain(PathOf(Layers[1]), (await ReadAsync(daemon.Loaded[0])).Keys);
        Assert.Contains(PathOf(Layers[1]), (await ReadAsync(daemon.Loaded[1])).Keys);
        Assert.DoesNotContain(PathOf(Layers[0]), (await ReadAsync(daemon.Loaded[1])).Keys);
    }

    [Fact]
    public async Task The_classic_store_gets_the_layers_above_those_that_it_has()
    {
        await using var daemon = await FakeDocker.StartAsync(Socket, FakeDocker.GraphDriver);
        daemon.Images.Add([DiffIds[0], DiffIds[1]]);

        // The third layer's contents alone, on another base, are not what the image needs.
        daemon.Images.Add([DiffIds[2]]);
        await using var docker = await ConnectAsync();
        await using var load = Load(docker);
        await OfferAsync(load);
        Assert.True(await load.FinishAsync());
        var archive = await ReadAsync(Assert.Single(daemon.Loaded));
        Assert.Equal(3, archive.Count);
        using var manifest = JsonDocument.Parse(archive["manifest.json"]);
        var names = manifest.RootElement[0].GetProperty("Layers").EnumerateArray().Select(name => name.GetString()!).ToList();
        Assert.Equal(3, names.Count);
        Assert.Equal(Layers[2], archive[names[2]]);
        Assert.Equal(Config, archive[manifest.RootElement[0].GetProperty("Config").GetString()!]);
        Assert.Equal("docker.io/library/app:1", manifest.RootElement[0].GetProperty("RepoTags")[0].GetString());
    }

    [Fact]
    public async Task Large_layers_reach_the_classic_store_in_a_second_pass()
    {
        await using var daemon = await FakeDocker.StartAsync(Socket, FakeDocker.GraphDriver);
        await using var docker = await ConnectAsync();
        await using var load = Load(docker);
        await OfferAsync(load, layerBytes: 8 * 1024 * 1024);
        Assert.False(await load.FinishAsync());
        Assert.Empty(daemon.Loaded);
        await OfferAsync(load, layerBytes: 8 * 1024 * 1024);
        Assert.True(await load.FinishAsync());
        Assert.Equal(8 * 1024 * 1024, (await ReadAsync(Assert.Single(daemon.Loaded))).Values.Max(file => file.Length));
    }

    [Fact]
    public async Task A_context_from_a_pipe_cannot_be_built_twice_so_everything_goes_at_once()
    {
        await using var daemon = await FakeDocker.StartAsync(Socket, FakeDocker.GraphDriver);
        await using var docker = await ConnectAsync();
        await using var load = Load(docker, repeatable: false);
        await OfferAsync(load, layerBytes: 8 * 1024 * 1024);
        Assert.True(await load.FinishAsync());
    }

    [Fact]
    public async Task A_refusal_is_the_failure_of_the_import()
    {
        await using var daemon = await FakeDocker.StartAsync(Socket, FakeDocker.Containerd);
        daemon.Refuses = true;
        await using var docker = await ConnectAsync();
        await using var load = Load(docker);
        await Assert.ThrowsAnyAsync<Exception>(async () =>
        {
            while (true)
            {
                await OfferAsync(load);
            }
        });
        Assert.Contains("refused the image: disk full", Assert.IsType<CliException>(load.Failure).Message);
    }

    private static byte[] Layer(byte seed) => [.. Enumerable.Repeat(seed, 1000)];

    private static string PathOf(byte[] blob) => $"blobs/{BlobCall.Digest(blob).Replace(':', '/')}";

    private string Socket => Path.Combine(_scene.Folder, "docker.sock");

    private Task<LocalDocker> ConnectAsync() => LocalDocker.ConnectAsync(new DockerEndpoint(new Uri($"unix://{Socket}"), null), CancellationToken.None);

    private DockerLoad Load(LocalDocker docker, bool repeatable = true) =>
        new(docker, ["docker.io/library/app:1"], repeatable, new VertexWriter(_steps.Add, TimeProvider.System), TimeProvider.System, CancellationToken.None);

    /// <summary>As the exporter offers an image: layers and configuration, then the manifest.</summary>
    /// <param name="layerBytes">Null sends the three small layers; otherwise one of this size.</param>
    private static async Task OfferAsync(DockerLoad load, int? layerBytes = null)
    {
        var layers = layerBytes is { } size ? [new byte[size]] : Layers;
        var config = layerBytes is null ? Config : Encoding.UTF8.GetBytes($"{{\"rootfs\":{{\"diff_ids\":[\"{BlobCall.Digest("x"u8)}\"]}}}}");
        var manifest = layerBytes is null ? Manifest : Encoding.UTF8.GetBytes(
            $"{{\"config\":{{\"digest\":\"{BlobCall.Digest(config)}\"}},\"layers\":[{{\"digest\":\"{BlobCall.Digest(layers[0])}\"}}]}}");
        var blobs = layers.Select(layer => ("layer", layer)).Append(("config", config)).Append(("manifest", manifest));
        foreach (var (kind, blob) in blobs)
        {
            try
            {
                await BlobCall.SendAsync(Exported(load), kind, blob);
            }
            catch (GrpcStatusException there) when (there.Code == GrpcStatusCode.AlreadyExists)
            {
                // As the exporter takes it.
            }
        }
    }

    private static BlobIntake Exported(DockerLoad load) => new(new Dictionary<string, BlobStore> { [BlobIntake.Export] = load.OpenAsync });

    private static async Task<Dictionary<string, byte[]>> ReadAsync(byte[] archive)
    {
        var files = new Dictionary<string, byte[]>();
        await using var reader = new TarReader(new MemoryStream(archive));
        while (await reader.GetNextEntryAsync() is { } entry)
        {
            using var contents = new MemoryStream();
            await (entry.DataStream?.CopyToAsync(contents) ?? Task.CompletedTask);
            files.Add(entry.Name, contents.ToArray());
        }

        return files;
    }
}
