using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Slipway.Contract.Depot.Cli.V1;
using Slipway.Contract.Fleet.V1;
using Slipway.Tests.Server.Support;
using Xunit;

namespace Slipway.Tests.Server;

/// <summary>The way from CreateBuild to a builder's address.</summary>
public sealed class ConnectionTests
{
    [Fact]
    public async Task A_warm_engine_is_there_with_the_first_answer()
    {
        await using var server = await TestServer.StartAsync();
        await using var builder = await FakeBuilder.AttachedAsync(server);
        await ConnectAsync(server);

        var active = (await ConnectAsync(server)).Active;

        Assert.Equal("tcp://127.0.0.1:7777", active.Endpoint);
        Assert.Single(builder.Engines);
        Assert.Equal(builder.Engines.Values.Single().ServerName, active.ServerName);
    }

    [Fact]
    public async Task A_builds_certificate_names_that_build_and_nothing_else()
    {
        await using var server = await TestServer.StartAsync();
        await using var builder = await FakeBuilder.AttachedAsync(server);
        var (build, token) = await server.CreateBuildAsync();

        var active = (await Ask(server, build, token)).Active;

        using var leaf = X509Certificate2.CreateFromPem(active.Cert.Cert_, active.Cert.Key);
        var names = leaf.Extensions.Single(extension => extension.Oid!.Value == "2.5.29.17");
        var uri = $"spiffe://slipway/org/{server.First.OrganizationId}/project/{server.First.ProjectId}/build/{build}/arch/amd64";
        Assert.Contains(uri, System.Text.Encoding.ASCII.GetString(names.RawData));
        Assert.Equal("1.3.6.1.5.5.7.3.2", leaf.Extensions.OfType<X509EnhancedKeyUsageExtension>().Single().EnhancedKeyUsages[0].Value);
        Assert.True(leaf.NotBefore < DateTime.Now.AddMinutes(-4));
        Assert.True(leaf.NotAfter > DateTime.Now.AddHours(2));
        Assert.True(Chains(leaf, builder.ClientAuthority));
        Assert.False(Chains(leaf, active.CaCert.Cert_));
    }

    [Fact]
    public async Task A_leases_certificate_has_the_leases_name_alone_whatever_was_asked_for()
    {
        await using var server = await TestServer.StartAsync();
        await using var builder = await FakeBuilder.AttachedAsync(server);

        var active = (await ConnectAsync(server)).Active;

        using var leaf = X509Certificate2.CreateFromPem(builder.Chains.Values.Single());
        Assert.Equal([active.ServerName], leaf.Extensions.OfType<X509SubjectAlternativeNameExtension>().Single().EnumerateDnsNames());
        Assert.Equal($"CN={active.ServerName}", leaf.Subject);
        Assert.Equal("1.3.6.1.5.5.7.3.1", leaf.Extensions.OfType<X509EnhancedKeyUsageExtension>().Single().EnhancedKeyUsages[0].Value);
        Assert.True(Chains(leaf, active.CaCert.Cert_));
        Assert.False(Chains(leaf, builder.ClientAuthority));
    }

    [Fact]
    public async Task A_certificate_request_with_a_wrong_signature_fails_the_lease()
    {
        await using var server = await TestServer.StartAsync();
        await using var builder = await FakeBuilder.AttachedAsync(server);
        builder.AnswersStart = false;
        var asking = ConnectAsync(server);
        var start = (await builder.HearAsync(message => message.StartEngine is not null)).StartEngine;
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var csr = new System.Security.Cryptography.X509Certificates.CertificateRequest("CN=x", key, HashAlgorithmName.SHA256).CreateSigningRequest();
        csr[^1] ^= 1;

        await builder.SendAsync(new BuilderMessage
        {
            CertificateRequest = new Slipway.Contract.Fleet.V1.CertificateRequest { LeaseId = start.LeaseId, Csr = Google.Protobuf.ByteString.CopyFrom(csr) },
        });

        Assert.Contains("certificate request was refused", (await Assert.ThrowsAsync<RpcException>(() => asking)).Status.Detail);
    }

    [Fact]
    public async Task Many_builds_of_one_project_start_one_engine()
    {
        await using var server = await TestServer.StartAsync();
        await using var builder = await FakeBuilder.AttachedAsync(server);

        var answers = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => ConnectAsync(server)));

        Assert.All(answers, answer => Assert.NotNull(answer.Active));
        Assert.Single(builder.Engines);
    }

    [Fact]
    public async Task An_engine_that_cannot_start_fails_the_call_and_the_build_with_its_reason()
    {
        await using var server = await TestServer.StartAsync();
        await using var builder = await FakeBuilder.AttachedAsync(server, "mill");
        builder.FailsToStart = _ => "buildkitd 0.9 is too old";
        var (build, token) = await server.CreateBuildAsync();

        var refused = await Assert.ThrowsAsync<RpcException>(() => Ask(server, build, token));
        var again = await Assert.ThrowsAsync<RpcException>(() => Ask(server, build, token));

        Assert.Equal("builder mill could not start the engine: buildkitd 0.9 is too old", refused.Status.Detail);
        Assert.Contains("buildkitd 0.9 is too old", again.Status.Detail);
        Assert.Equal($"failed: {refused.Status.Detail}", await server.StatusAsync(build));
    }

    [Fact]
    public async Task A_failed_start_is_tried_anew_for_the_next_build()
    {
        await using var server = await TestServer.StartAsync();
        await using var builder = await FakeBuilder.AttachedAsync(server);
        builder.FailsToStart = _ => "no";
        await Assert.ThrowsAsync<RpcException>(() => ConnectAsync(server));
        builder.FailsToStart = _ => null;

        Assert.NotNull((await ConnectAsync(server)).Active);
    }

    [Fact]
    public async Task Each_architecture_goes_to_a_builder_of_its_own()
    {
        await using var server = await TestServer.StartAsync();
        await using var amd = await FakeBuilder.AttachedAsync(server, "amd", "amd64");
        await using var arm = await FakeBuilder.AttachedAsync(server, "arm", "arm64");
        var (build, token) = await server.CreateBuildAsync();

        await Task.WhenAll(Ask(server, build, token), Ask(server, build, token, BuilderPlatform.Arm64));

        Assert.Equal("amd64", Assert.Single(amd.Engines).Value.Architecture);
        Assert.Equal("arm64", Assert.Single(arm.Engines).Value.Architecture);
    }

    [Fact]
    public async Task Where_no_builder_has_the_architecture_the_other_engine_emulates_it_and_the_answer_says_so()
    {
        await using var server = await TestServer.StartAsync();
        await using var builder = await FakeBuilder.EnrollAsync(server);
        builder.Emulated.Add("arm64");
        await builder.AttachAsync();
        var (build, token) = await server.CreateBuildAsync();

        var arm = (await Ask(server, build, token, BuilderPlatform.Arm64)).Active;
        var amd = (await Ask(server, build, token)).Active;

        // One engine, one cache, one stay: the certificate of either answer opens the other's connection.
        Assert.Equal("amd64", Assert.Single(builder.Engines).Value.Architecture);
        Assert.Equal(("amd64", ""), (arm.EmulatedOn, amd.EmulatedOn));
        Assert.Equal(amd.ServerName, arm.ServerName);
        using var leaf = X509Certificate2.CreateFromPem(arm.Cert.Cert_);
        Assert.Contains($"/build/{build}/arch/amd64", System.Text.Encoding.ASCII.GetString(leaf.Extensions.Single(extension => extension.Oid!.Value == "2.5.29.17").RawData));
    }

    [Fact]
    public async Task A_native_builder_is_preferred_to_an_emulating_one_that_is_warm()
    {
        await using var server = await TestServer.StartAsync();
        await using var amd = await FakeBuilder.EnrollAsync(server, "amd");
        amd.Emulated.Add("arm64");
        await amd.AttachAsync();
        await ConnectAsync(server);
        await using var arm = await FakeBuilder.AttachedAsync(server, "arm", "arm64");
        var (build, token) = await server.CreateBuildAsync();

        var active = (await Ask(server, build, token, BuilderPlatform.Arm64)).Active;

        Assert.Equal("", active.EmulatedOn);
        Assert.Equal("arm64", Assert.Single(arm.Engines).Value.Architecture);
    }

    [Fact]
    public async Task A_native_builder_that_was_here_a_moment_ago_is_waited_for()
    {
        await using var server = await TestServer.StartAsync();
        await using var amd = await FakeBuilder.EnrollAsync(server, "amd");
        amd.Emulated.Add("arm64");
        await amd.AttachAsync();
        await using var arm = await FakeBuilder.AttachedAsync(server, "arm", "arm64");
        await arm.VanishAsync();
        var (build, token) = await server.CreateBuildAsync();
        var asking = Ask(server, build, token, BuilderPlatform.Arm64);

        await arm.AttachAsync();

        Assert.Equal("", (await asking).Active.EmulatedOn);
        Assert.Empty(amd.Engines);
    }

    [Fact]
    public async Task An_engine_that_turns_out_not_to_emulate_fails_the_build_with_the_remedy()
    {
        await using var server = await TestServer.StartAsync();
        await using var builder = await FakeBuilder.EnrollAsync(server, "mill");
        builder.Emulated.Add("arm64");
        builder.EngineBuilds.AddRange(["amd64", "386"]);
        await builder.AttachAsync();
        var (build, token) = await server.CreateBuildAsync();

        var refused = await Assert.ThrowsAsync<RpcException>(() => Ask(server, build, token, BuilderPlatform.Arm64));

        Assert.StartsWith("the engine on builder mill cannot emulate linux/arm64; apt-get install qemu-user-static", refused.Status.Detail);
        Assert.NotNull((await ConnectAsync(server)).Active);
    }

    [Fact]
    public async Task A_build_is_placed_where_its_cache_is()
    {
        await using var server = await TestServer.StartAsync();
        var builders = new List<FakeBuilder>();
        for (var i = 0; i < 4; i++)
        {
            var builder = await FakeBuilder.EnrollAsync(server, $"b{i}");
            if (i == 2)
            {
                builder.Caches.Add(new CacheHeld { ProjectId = server.First.ProjectId, Architecture = "amd64" });
            }

            await builder.AttachAsync();
            builders.Add(builder);
        }

        await ConnectAsync(server);

        Assert.Single(builders[2].Engines);
        Assert.All(builders.Where(builder => builder != builders[2]), builder => Assert.Empty(builder.Engines));
        foreach (var builder in builders)
        {
            await builder.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_draining_builder_gets_nothing_new_and_is_told_so()
    {
        await using var server = await TestServer.StartAsync();
        await using var first = await FakeBuilder.AttachedAsync(server, "first");
        await ConnectAsync(server);
        await server.Admin().DrainBuilderAsync(new() { BuilderId = first.Id, Draining = true });
        await using var second = await FakeBuilder.AttachedAsync(server, "second");

        await ConnectAsync(server);

        Assert.True((await first.HearAsync(message => message.Drain is not null)).Drain.Draining);
        Assert.Single(first.Engines);
        Assert.Single(second.Engines);
    }

    [Fact]
    public async Task An_answer_is_always_active_or_pending_with_a_wait()
    {
        await using var server = await TestServer.StartAsync();
        await using var builder = await FakeBuilder.AttachedAsync(server);
        builder.AnswersStart = false;
        var (build, token) = await server.CreateBuildAsync();

        var pending = (await Ask(server, build, token)).Pending;

        Assert.InRange(pending.WaitMs, 50, 3000);
    }

    [Fact]
    public async Task An_engine_that_stops_while_a_build_comes_is_started_again()
    {
        await using var server = await TestServer.StartAsync();
        await using var builder = await FakeBuilder.AttachedAsync(server);
        builder.AnswersAdmit = false;
        var asking = ConnectAsync(server);
        var admit = (await builder.HearAsync(message => message.AdmitBuild is not null)).AdmitBuild;
        builder.AnswersAdmit = true;

        await builder.SendAsync(new BuilderMessage { EngineStopped = new EngineStopped { LeaseId = admit.LeaseId } });

        Assert.NotEqual(admit.LeaseId + ".builder.slipway", (await asking).Active.ServerName);
    }

    [Fact]
    public async Task A_build_that_comes_back_after_its_connections_closed_is_let_in_again()
    {
        await using var server = await TestServer.StartAsync();
        await using var builder = await FakeBuilder.AttachedAsync(server);
        var (build, token) = await server.CreateBuildAsync();
        await Ask(server, build, token);
        builder.AnswersAdmit = false;
        var asking = Ask(server, build, token);
        var admit = (await builder.HearAsync(message => message.AdmitBuild is not null && builder.AnswersAdmit == false)).AdmitBuild;
        builder.AnswersAdmit = true;

        // What a builder answers that remembers how the build's first stay ended.
        await builder.EndedAsync(build, admit.LeaseId, BuildEnded.Types.Outcome.NothingBuilt);

        Assert.NotNull((await asking).Active);
    }

    [Fact]
    public async Task A_finished_build_gets_no_connection()
    {
        await using var server = await TestServer.StartAsync();
        var (build, token) = await server.CreateBuildAsync();
        await server.Builds(token).FinishBuildAsync(new FinishBuildRequest { BuildId = build, Success = new() });

        var refused = await Assert.ThrowsAsync<RpcException>(() => Ask(server, build, token));

        Assert.Equal(StatusCode.FailedPrecondition, refused.StatusCode);
        Assert.Equal($"build \"{build}\" has finished; start a new build", refused.Status.Detail);
    }

    [Fact]
    public async Task A_finished_build_is_turned_away_by_its_builder()
    {
        await using var server = await TestServer.StartAsync();
        await using var builder = await FakeBuilder.AttachedAsync(server);
        var (build, token) = await server.CreateBuildAsync();
        await Ask(server, build, token);

        await server.Builds(token).FinishBuildAsync(new FinishBuildRequest { BuildId = build, Success = new() });

        Assert.Equal(build, (await builder.HearAsync(message => message.RevokeBuild is not null)).RevokeBuild.BuildId);
    }

    private static async Task<GetBuildKitConnectionResponse> ConnectAsync(TestServer server)
    {
        var (build, token) = await server.CreateBuildAsync();
        return await Ask(server, build, token);
    }

    private static Task<GetBuildKitConnectionResponse> Ask(
        TestServer server, string build, string token, BuilderPlatform platform = BuilderPlatform.Amd64) =>
        server.Builds(token).GetBuildKitConnectionAsync(new GetBuildKitConnectionRequest { BuildId = build, Platform = platform }).ResponseAsync;

    private static bool Chains(X509Certificate2 leaf, string authority)
    {
        using var root = X509Certificate2.CreateFromPem(authority);
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(root);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        return chain.Build(leaf);
    }
}
