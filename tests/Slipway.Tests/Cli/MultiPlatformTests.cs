using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using Depot.Cli;
using Depot.Cli.Registries;
using Slipway.BuildKit.Wire.Control;
using Slipway.Contract.Depot.Cli.V1;
using Xunit;

namespace Slipway.Tests.Cli;

/// <summary>One command, two architectures: two builders and a manifest list, or one builder that serves both.</summary>
public sealed class MultiPlatformTests : IAsyncLifetime
{
    private const string OciIndex = "application/vnd.oci.image.index.v1+json";
    private const string OciManifest = "application/vnd.oci.image.manifest.v1+json";

    private readonly CliScene _scene = new();
    private readonly ConcurrentQueue<SolveRequest> _solves = [];
    private ConnectDouble _server = null!;
    private RegistryDouble _registry = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await ConnectDouble.StartAsync();
        _registry = await RegistryDouble.StartAsync();
        _scene.Environment["DEPOT_API_URL"] = _server.Url;
        _scene.Environment["DEPOT_TOKEN"] = "user-token";
        _scene.Environment["DEPOT_PROJECT_ID"] = "p1";
        _scene.Environment["DOCKER_CONFIG"] = Path.Combine(_scene.Folder, "docker");
        _scene.Write("app/Dockerfile", "FROM scratch\n");
        LogIn("me:secret");
    }

    public async ValueTask DisposeAsync()
    {
        await _registry.DisposeAsync();
        await _server.DisposeAsync();
        _scene.Dispose();
    }

    [Fact]
    public async Task Two_builders_push_by_digest_and_the_tags_get_one_list_with_the_attestations()
    {
        await using var amd64 = Builder("amd64");
        await using var arm64 = Builder("arm64");
        Serve(amd64, arm64);
        var (exitCode, _, error) = await BuildAsync("-t", $"{_registry.Host}/app:1", "-t", $"{_registry.Host}/app:latest", "--push", "--metadata-file", "meta.json");
        Assert.True(exitCode == 0, error);
        Assert.Contains($"merging manifest list {_registry.Host}/app:1,{_registry.Host}/app:latest", error);

        Assert.Equal(["linux/amd64", "linux/arm64"], _solves.Select(solve => solve.FrontendAttrs["platform"]).Order());
        Assert.All(_solves, solve =>
        {
            Assert.Equal("true", solve.FrontendAttrs["multi-platform"]);
            Assert.Equal("true", solve.Exporters.Single().Attrs["push-by-digest"]);
            Assert.Equal($"{_registry.Host}/app", solve.Exporters.Single().Attrs["name"]);
        });

        var list = _registry.Manifests["app:1"];
        Assert.Equal(list, _registry.Manifests["app:latest"]);
        Assert.Equal(OciIndex, list.MediaType);
        using var index = JsonDocument.Parse(list.Content);
        Assert.Equal(
            ["amd64", "arm64", "unknown", "unknown"],
            index.RootElement.GetProperty("manifests").EnumerateArray().Select(entry => entry.GetProperty("platform").GetProperty("architecture").GetString()).Order());
        Assert.Equal("v", index.RootElement.GetProperty("annotations").GetProperty("k").GetString());
        using var metadata = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(_scene.Folder, "meta.json")));
        Assert.Equal(list.Content.Length, metadata.RootElement.GetProperty("containerimage.descriptor").GetProperty("size").GetInt32());
        Assert.Contains("repository:app:pull,push", _registry.Scopes);
    }

    [Fact]
    public async Task A_login_that_the_registry_refuses_ends_with_what_to_type()
    {
        LogIn("me:wrong");
        await using var amd64 = Builder("amd64");
        await using var arm64 = Builder("arm64");
        Serve(amd64, arm64);
        var (exitCode, _, error) = await BuildAsync("-t", $"{_registry.Host}/app:1", "--push");
        Assert.Equal(1, exitCode);
        Assert.Contains($"run `docker login {_registry.Host}` here", error);
        Assert.DoesNotContain("wrong", error);
    }

    [Fact]
    public async Task One_builder_that_serves_both_gets_one_Solve()
    {
        await using var builder = Builder("both");
        Serve(builder, builder, emulatedOn: "amd64");
        var (exitCode, _, error) = await BuildAsync("-t", $"{_registry.Host}/app:1", "--push");
        Assert.True(exitCode == 0, error);
        Assert.Contains("[depot] emulating arm64 on an amd64 machine", error);
        var solve = Assert.Single(_solves);
        Assert.Equal("linux/amd64,linux/arm64", solve.FrontendAttrs["platform"]);
        Assert.Equal($"{_registry.Host}/app:1", solve.Exporters.Single().Attrs["name"]);
        Assert.DoesNotContain("push-by-digest", solve.Exporters.Single().Attrs.Keys);
    }

    [Fact]
    public async Task Two_builders_cannot_write_one_archive_of_Dockers_own()
    {
        await using var amd64 = Builder("amd64");
        await using var arm64 = Builder("arm64");
        Serve(amd64, arm64);
        var (exitCode, _, error) = await BuildAsync("-o", "type=docker,dest=x.tar");
        Assert.Equal(1, exitCode);
        Assert.Contains("ERROR: failed to build: docker exporter does not currently support exporting manifest lists\n", error);
        Assert.Empty(_solves);
    }

    [Fact]
    public void Lists_of_Dockers_own_manifests_stay_of_Dockers_type()
    {
        static RegistryDocument List(string digest) => new(
            "application/vnd.docker.distribution.manifest.list.v2+json",
            Encoding.UTF8.GetBytes($$"""{"manifests":[{"mediaType":"application/vnd.docker.distribution.manifest.v2+json","digest":"{{digest}}","size":1}]}"""));
        var merged = ManifestList.Merge([List("sha256:a"), List("sha256:b"), List("sha256:a")]);
        Assert.Equal("application/vnd.docker.distribution.manifest.list.v2+json", merged.MediaType);
        Assert.Equal(2, JsonDocument.Parse(merged.Content).RootElement.GetProperty("manifests").GetArrayLength());
        Assert.Throws<CliException>(() => ManifestList.Merge([new RegistryDocument(OciManifest, "{}"u8.ToArray())]));
    }

    [Theory]
    [InlineData("failed to push r.example:5000/a/b:1: failed to authorize: … 401 Unauthorized", "docker login r.example:5000")]
    [InlineData("failed to push a/b: server message: insufficient_scope: authorization failed", "`docker login`")]
    [InlineData("failed to push r.example/a: unexpected status 500", null)]
    [InlineData("process \"docker push\" says 401 Unauthorized", null)]
    public void A_refused_push_is_told_from_other_failures(string message, string? remedy)
    {
        Assert.Equal(remedy is null, PushRefusal.RemedyFor(message) is null);
        Assert.Contains(remedy ?? "", PushRefusal.RemedyFor(message) ?? "");
    }

    private Task<(int ExitCode, string Output, string Error)> BuildAsync(params string[] words) =>
        _scene.RunAsync(["build", "--progress=plain", "--platform", "linux/amd64,linux/arm64", .. words, "app"]);

    /// <summary>A builder that pushes an index of one image with its attestation.</summary>
    private FakeBuilder Builder(string architecture) => new((solve, _) =>
    {
        _solves.Enqueue(solve.Request);
        var digest = _registry.Add("app", OciIndex, $$$"""
            {"schemaVersion":2,"mediaType":"{{{OciIndex}}}","annotations":{"k":"v"},"manifests":[
            {"mediaType":"{{{OciManifest}}}","digest":"sha256:{{{architecture}}}","size":1,"platform":{"architecture":"{{{architecture}}}","os":"linux"}},
            {"mediaType":"{{{OciManifest}}}","digest":"sha256:{{{architecture}}}-att","size":1,"platform":{"architecture":"unknown","os":"unknown"},"annotations":{"vnd.docker.reference.type":"attestation-manifest"}}]}
            """);
        return Task.FromResult(new SolveResponse { ExporterResponse = { ["containerimage.digest"] = digest } });
    });

    private void Serve(FakeBuilder amd64, FakeBuilder arm64, string emulatedOn = "") =>
        _server.WithBuild(amd64.Endpoint).On("GetBuildKitConnection", GetBuildKitConnectionRequest.Parser, request =>
        {
            var isArm64 = request.Platform == BuilderPlatform.Arm64;
            return new GetBuildKitConnectionResponse
            {
                Active = new()
                {
                    Endpoint = (isArm64 ? arm64 : amd64).Endpoint,
                    ServerName = isArm64 && emulatedOn.Length == 0 ? "two" : "one",
                    EmulatedOn = isArm64 ? emulatedOn : "",
                },
            };
        });

    private void LogIn(string pair) => _scene.Write(
        "docker/config.json", $$$$"""{"auths":{"{{{{_registry.Host}}}}":{"auth":"{{{{Convert.ToBase64String(Encoding.UTF8.GetBytes(pair))}}}}"}}}""");
}
