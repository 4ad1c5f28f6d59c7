using System.Runtime.CompilerServices;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Net.Client;
using Microsoft.Extensions.Logging;
using Slipway.Builder;
using Slipway.Builder.Access;
using Slipway.Builder.ControlPlane;
using Slipway.Builder.Engine;
using Slipway.Builder.Records;
using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Wire.Control;
using Slipway.Contract.Fleet.V1;
using Xunit;
using static Slipway.Contract.Fleet.V1.BuildEnded.Types;
using GrpcChannel = Grpc.Net.Client.GrpcChannel;
using Message = Slipway.Contract.Fleet.V1.BuilderMessage.MessageOneofCase;
using Record = Slipway.Contract.Fleet.V1.Record;

namespace Slipway.Tests.Builder;

public sealed class FleetTests : IAsyncLifetime
{
    private readonly string _data = Directory.CreateTempSubdirectory("slw-").FullName;
    private readonly TestAuthority _authority = new("authority", DateTimeOffset.UtcNow);
    private readonly FakeBuildKit _engine = new();
    private FakeFleet _fleet = null!;
    private TestBuilder? _builder;

    public async ValueTask InitializeAsync() =>
        _fleet = await FakeFleet.StartAsync(new FakeFleet.FleetState { AuthorityPem = _authority.Pem });

    public async ValueTask DisposeAsync()
    {
        if (_builder is not null)
        {
            await _builder.DisposeAsync();
        }

        await _fleet.DisposeAsync();
        await _engine.DisposeAsync();
        _authority.Dispose();
        Directory.Delete(_data, recursive: true);
    }

    [Fact]
    public async Task A_join_token_is_traded_once_for_an_identity_that_only_the_owner_can_read()
    {
        var log = new LineLog();
        var options = new BuilderOptions { Server = _fleet.Address, DataDirectory = _data, JoinToken = FakeFleet.JoinToken };
        var identity = await JoinAsync(options, log);
        Assert.Equal("bld1", identity.BuilderId);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, OperatingSystem.IsWindows() ? default : File.GetUnixFileMode(Path.Combine(_data, "builder.json")));

        var again = await JoinAsync(options with { JoinToken = "slpj_used" }, log);
        Assert.Equal((identity.BuilderId, identity.Certificate.Thumbprint), (again.BuilderId, again.Certificate.Thumbprint));
        Assert.True(again.Certificate.HasPrivateKey);
        Assert.DoesNotContain("slp", log.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_refused_join_token_and_a_missing_one_say_what_to_do()
    {
        var options = new BuilderOptions { Server = _fleet.Address, DataDirectory = _data, JoinToken = "slpj_bad" };
        var refused = await Assert.ThrowsAsync<BuilderException>(() => JoinAsync(options, new LineLog()));
        Assert.Contains("join-token", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("slpj_bad", refused.Message, StringComparison.Ordinal);
        var missing = await Assert.ThrowsAsync<BuilderException>(() => JoinAsync(options with { JoinToken = null }, new LineLog()));
        Assert.Contains("no join token was given", missing.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_does_not_know_the_builder_ends_it()
    {
        using var strangers = new TestAuthority("strangers", DateTimeOffset.UtcNow);
        var stranger = FakeFleet.Identity(strangers);
        using var channel = GrpcChannel.ForAddress(_fleet.Address, new GrpcChannelOptions
        {
            HttpHandler = new ProvingHandler(TimeProvider.System, () => new SocketsHttpHandler()) { Identity = stranger },
        });
        await using var builder = TestBuilder.Start(_fleet.Address, _data, _engine);
        var link = new FleetLink(builder.Options, stranger, new FleetService.FleetServiceClient(channel),
            () => new Hello(), builder.Leases, builder.Gate, builder.Log.CreateLogger<FleetLink>());
        var error = await Assert.ThrowsAsync<BuilderException>(() => link.RunAsync(Cancellation));
        Assert.Contains("does not know builder bld1", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_engine_that_is_asked_for_is_certified_started_and_reported_ready()
    {
        await AttachAsync();
        await StartEngineAsync("l1");
        using var certificate = _builder!.Gate.CertificateFor("l1.test");
        Assert.True(certificate!.HasPrivateKey);
        Assert.True(certificate.MatchesHostname("l1.test"));
        await using var stream = await _builder.Gate.DialEngineAsync("l1", Cancellation);
        Assert.Equal(1, _engine.Starts);
    }

    [Fact]
    public async Task A_certificate_is_renewed_with_a_new_key_at_half_its_life()
    {
        await AttachAsync();
        await StartEngineAsync("l1", TimeSpan.FromSeconds(2));
        using var first = _builder!.Gate.CertificateFor("l1.test");
        await CertifyAsync(TimeSpan.FromHours(1));
        await EventuallyAsync(() => _builder.Gate.CertificateFor("l1.test") != first);
        using var second = _builder.Gate.CertificateFor("l1.test");
        Assert.NotEqual(first!.GetPublicKey(), second!.GetPublicKey());
    }

    [Fact]
    public async Task An_engine_without_builds_is_stopped_and_one_with_a_build_is_not()
    {
        await AdmitAsync();
        var folder = new EngineFolder(_data, "p1", MachineArchitecture.Name);
        var idle = _builder!.Leases.StopIdleAsync(Cancellation);
        await Task.Delay(_builder.Options.EngineIdle * 3, Cancellation);
        Assert.NotEmpty(ProcessTable.FindEngine(folder));
        _builder.Gate.Revoke("b1");
        Assert.Equal("l1", (await State.NextAsync(Message.EngineStopped)).EngineStopped.LeaseId);
        Assert.Empty(ProcessTable.FindEngine(folder));
        Assert.False(idle.IsFaulted);
    }

    [Fact]
    public async Task An_engine_that_cannot_start_is_reported_with_its_reason()
    {
        await AttachAsync();
        _engine.Script = "echo 'out of luck' >&2; exit 1";
        await State.SendAsync(new ServerMessage { StartEngine = StartRequest("l1") });
        var failed = (await State.NextAsync(Message.EngineFailed)).EngineFailed;
        Assert.Equal("l1", failed.LeaseId);
        Assert.Contains("out of luck", failed.Error, StringComparison.Ordinal);
        Assert.Null(_builder!.Gate.FindLease("l1"));
    }

    [Theory]
    [InlineData("../../etc", "amd64")]
    [InlineData("p1", "s390x")]
    public async Task An_engine_for_an_impossible_project_or_architecture_is_refused(string project, string architecture)
    {
        await AttachAsync();
        var request = StartRequest("l1");
        (request.ProjectId, request.Architecture) = (project, architecture);
        await State.SendAsync(new ServerMessage { StartEngine = request });
        Assert.NotEmpty((await State.NextAsync(Message.EngineFailed)).EngineFailed.Error);
        Assert.Equal(0, _engine.Starts);
    }

    [Fact]
    public async Task A_build_is_admitted_witnessed_recorded_and_its_end_acknowledged()
    {
        _engine.Status = _ => Told();
        var build = await AdmitAsync();
        _builder!.Witness.ConnectionOpened(build);
        Assert.Equal("b1", (await State.NextAsync(Message.BuildConnected)).BuildConnected.BuildId);
        _builder.Witness.SolveStarted(build, "ref1");
        await EventuallyAsync(() => RecordsOf("b1").Count == 4);
        _builder.Witness.SolveEnded(build, "ref1", GrpcStatusCode.Ok, "");
        _builder.Witness.ConnectionClosed(build);
        var ended = await EndedAsync();

        Assert.Equal((Outcome.Success, 4), (ended.Outcome, ended.LastSequence));
        Assert.Equal(["FROM scratch", "RUN it", "hello", "RUN it"], RecordsOf("b1").Select(record => record.Step?.Name ?? record.Log.Line.ToStringUtf8()));
        await EventuallyAsync(() => _builder.Leases.AllTold && _builder.Shelf.Spools.Count == 0);
        Assert.All(Directory.GetFiles(Path.Combine(_data, "spool"), "*", SearchOption.AllDirectories), file => Assert.Equal(0, new FileInfo(file).Length));
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(_data, "builds")));
        Assert.False(_builder.Gate.Builds.Any());
    }

    [Fact]
    public async Task A_build_that_comes_back_goes_on_with_its_numbers()
    {
        _engine.Status = _ => Told();
        var build = await AdmitAsync();
        for (var stay = 1; stay <= 2; stay++)
        {
            _builder!.Witness.ConnectionOpened(build);
            _builder.Witness.SolveStarted(build, "ref" + stay);
            var expected = 4 * stay;
            await EventuallyAsync(() => RecordsOf("b1").Count == expected);
            _builder.Witness.SolveEnded(build, "ref" + stay, GrpcStatusCode.Ok, "");
            _builder.Witness.ConnectionClosed(build);
            Assert.Equal(expected, (await EndedAsync()).LastSequence);
            await EventuallyAsync(() => _builder.Leases.AllTold && _builder.Shelf.Spools.Count == 0);
            await State.SendAsync(new ServerMessage { AdmitBuild = new AdmitBuild { BuildId = "b1", LeaseId = "l1" } });
            await State.NextAsync(Message.BuildAdmitted);
            build = Assert.Single(_builder.Gate.Builds);
        }
    }

    public static TheoryData<string, Outcome> Ends => new()
    {
        { "nothing", Outcome.NothingBuilt },
        { "ok", Outcome.Success },
        { "ok failed", Outcome.Error },
        { "failed ok", Outcome.Error },
        { "cancelled", Outcome.ClientLeft },
        { "ok running", Outcome.ClientLeft },
        { "running", Outcome.ClientLeft },
        { "ok ok", Outcome.Success },
    };

    [Theory]
    [MemberData(nameof(Ends))]
    public async Task The_witness_says_how_a_build_ended(string story, Outcome outcome)
    {
        var build = await AdmitAsync();
        var witness = _builder!.Witness;
        witness.ConnectionOpened(build);
        foreach (var (word, i) in story.Split(' ').Where(word => word != "nothing").Select((word, i) => (word, i)))
        {
            witness.SolveStarted(build, "ref" + i);
            if (word != "running")
            {
                var code = word switch { "ok" => GrpcStatusCode.Ok, "failed" => GrpcStatusCode.Unknown, _ => GrpcStatusCode.Cancelled };
                witness.SolveEnded(build, "ref" + i, code, word == "failed" ? "exit code: 7" : "");
            }
        }

        witness.ConnectionClosed(build);
        var ended = await EndedAsync();
        Assert.Equal(outcome, ended.Outcome);
        Assert.Equal(outcome == Outcome.Error ? "exit code: 7" : ended.Error, ended.Error);
    }

    [Fact]
    public async Task A_connection_that_comes_back_within_five_seconds_keeps_the_build_open()
    {
        var build = await AdmitAsync();
        var witness = _builder!.Witness;
        witness.ConnectionOpened(build);
        witness.ConnectionClosed(build);
        _builder.QuietClock.Advance(TimeSpan.FromSeconds(4.9));
        witness.ConnectionOpened(build);
        _builder.QuietClock.Advance(TimeSpan.FromSeconds(60));
        Assert.Single(witness.Running);
        witness.SolveStarted(build, "ref");
        witness.SolveEnded(build, "ref", GrpcStatusCode.Ok, "");
        witness.ConnectionClosed(build);
        Assert.Equal(Outcome.Success, (await EndedAsync()).Outcome);
    }

    [Fact]
    public async Task A_build_whose_engine_dies_ends_as_engine_lost()
    {
        var build = await AdmitAsync();
        var witness = _builder!.Witness;
        witness.ConnectionOpened(build);
        witness.SolveStarted(build, "ref");
        var lost = _builder.Gate.FindLease("l1")!.EngineLost();
        var pid = File.ReadAllText(new EngineFolder(_data, "p1", MachineArchitecture.Name).PidFile).Split(' ')[0];
        _ = Libc.Kill(int.Parse(pid, System.Globalization.CultureInfo.InvariantCulture), Libc.SigKill);
        await EventuallyAsync(() => lost.IsCancellationRequested);
        witness.SolveEnded(build, "ref", GrpcStatusCode.Unavailable, "error reading from server: EOF");
        witness.ConnectionClosed(build);
        var ended = await EndedAsync();
        Assert.Equal(Outcome.EngineLost, ended.Outcome);
        Assert.Contains("run the build again", ended.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_restart_does_not_disturb_a_build()
    {
        var gone = new TaskCompletionSource();
        _engine.Status = _ => Told(gone.Task);
        var build = await AdmitAsync();
        _builder!.Witness.ConnectionOpened(build);
        _builder.Witness.SolveStarted(build, "ref1");
        await EventuallyAsync(() => RecordsOf("b1").Count == 1);

        await RestartServerAsync(async () =>
        {
            gone.SetResult();
            await EventuallyAsync(() => _builder.Shelf.Find("b1", MachineArchitecture.Name)?.DurableSequence == 4);
            Assert.False(build.Revoked.IsCancellationRequested);
        });

        var hello = State.Hellos.Last();
        Assert.Equal(("l1", "b1"), (Assert.Single(hello.Engines).LeaseId, Assert.Single(hello.Builds).BuildId));
        Assert.Equal("b1", (await State.NextAsync(Message.BuildConnected)).BuildConnected.BuildId);
        await EventuallyAsync(() => RecordsOf("b1").Count == 4);
        _builder.Witness.SolveEnded(build, "ref1", GrpcStatusCode.Ok, "");
        _builder.Witness.ConnectionClosed(build);
        Assert.Equal(Outcome.Success, (await EndedAsync()).Outcome);
        Assert.Equal(1, _engine.Starts);
    }

    [Fact]
    public async Task An_end_is_told_on_every_connection_until_it_is_acknowledged()
    {
        State.AcknowledgeEnds = false;
        var build = await AdmitAsync();
        _builder!.Witness.ConnectionOpened(build);
        _builder.Witness.ConnectionClosed(build);
        var first = await EndedAsync();
        await RestartServerAsync(() => Task.CompletedTask);
        var second = (await State.NextAsync(Message.BuildEnded)).BuildEnded;
        Assert.Equal(first, second);
        State.AcknowledgeEnds = true;
        await RestartServerAsync(() => Task.CompletedTask);
        await EventuallyAsync(() => _builder.Leases.AllTold);
    }

    [Fact]
    public async Task A_builder_that_was_killed_tells_its_builds_as_lost_and_sends_what_it_had_recorded()
    {
        State.DropAcknowledgement = () => true;
        _engine.Status = _ => Told();
        var build = await AdmitAsync();
        _builder!.Witness.ConnectionOpened(build);
        _builder.Witness.SolveStarted(build, "ref1");
        await EventuallyAsync(() => _builder.Shelf.Find("b1", MachineArchitecture.Name)?.DurableSequence == 4);
        await _builder.KillAsync();

        State.DropAcknowledgement = () => false;
        _builder = TestBuilder.Start(_fleet.Address, _data, _engine);
        var ended = (await State.NextAsync(Message.BuildEnded)).BuildEnded;
        Assert.Equal((Outcome.EngineLost, 4, "l1"), (ended.Outcome, ended.LastSequence, ended.LeaseId));
        await EventuallyAsync(() => RecordsOf("b1").Count == 4 && _builder.Shelf.Spools.Count == 0);
    }

    [Fact]
    public async Task Revoking_a_build_closes_the_door_and_tells_its_connections()
    {
        var build = await AdmitAsync();
        await State.SendAsync(new ServerMessage { RevokeBuild = new RevokeBuild { BuildId = "b1", Reason = "cancelled" } });
        await EventuallyAsync(() => build.Revoked.IsCancellationRequested);
        Assert.False(_builder!.Gate.Builds.Any());
    }

    [Fact]
    public async Task A_stopped_engine_is_reported_and_its_lease_forgotten()
    {
        var build = await AdmitAsync();
        await State.SendAsync(new ServerMessage { StopEngine = new StopEngine { LeaseId = "l1" } });
        Assert.Equal("l1", (await State.NextAsync(Message.EngineStopped)).EngineStopped.LeaseId);
        Assert.True(build.Revoked.IsCancellationRequested);
        Assert.Null(_builder!.Gate.CertificateFor("l1.test"));
        Assert.Empty(ProcessTable.FindEngine(new EngineFolder(_data, "p1", MachineArchitecture.Name)));
    }

    [Fact]
    public async Task A_build_for_a_lease_that_is_gone_is_answered_with_the_lease_s_end()
    {
        await AttachAsync();
        await State.SendAsync(new ServerMessage { AdmitBuild = new AdmitBuild { BuildId = "b1", LeaseId = "l9" } });
        Assert.Equal("l9", (await State.NextAsync(Message.EngineStopped)).EngineStopped.LeaseId);
    }

    [Fact]
    public async Task Resetting_a_cache_deletes_it_and_says_so()
    {
        await AttachAsync();
        await StartEngineAsync("l1");
        var folder = new EngineFolder(_data, "p1", MachineArchitecture.Name);
        await File.WriteAllTextAsync(Path.Combine(folder.Root, "layer"), "", Cancellation);
        await State.SendAsync(new ServerMessage { ResetCache = new ResetCache { ProjectId = "p1" } });
        Assert.Equal(("p1", ""), (await State.NextAsync(Message.CacheReset)) is { CacheReset: var reset } ? (reset.ProjectId, reset.Error) : default);
        Assert.False(folder.HasCache);
    }

    [Fact]
    public async Task A_draining_builder_starts_nothing_new()
    {
        await AttachAsync();
        _builder!.Leases.Drain();
        await State.SendAsync(new ServerMessage { StartEngine = StartRequest("l1") });
        Assert.Contains("being stopped", (await State.NextAsync(Message.EngineFailed)).EngineFailed.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Records_arrive_once_each_in_order_however_often_acknowledgements_are_lost()
    {
        var batches = 0;
        State.DropAcknowledgement = () => Interlocked.Increment(ref batches) % 3 != 0;
        await AttachAsync();
        var spools = new[] { _builder!.Shelf.Open("b1", "amd64"), _builder.Shelf.Open("b2", "arm64") };
        for (var i = 1; i <= 3000; i++)
        {
            spools[i % 2].Append(new Record { Log = new LogRecord { Line = ByteString.CopyFromUtf8($"line {spools[i % 2].LastSequence + 1}") } });
        }

        _builder.Shelf.Appended();
        await EventuallyAsync(() => spools.All(spool => spool.AcknowledgedSequence == 1500));
        foreach (var records in State.Records.Values)
        {
            Assert.Equal(Enumerable.Range(1, 1500).Select(i => $"line {i}"), records.Select(record => record.Log.Line.ToStringUtf8()));
        }
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private FakeFleet.FleetState State => _fleet.State;

    private List<Record> RecordsOf(string build)
    {
        var stored = State.Records.GetOrAdd((build, MachineArchitecture.Name), _ => []);
        lock (stored)
        {
            return [.. stored];
        }
    }

    private async Task AttachAsync()
    {
        _builder = TestBuilder.Start(_fleet.Address, _data, _engine);
        await State.NextAsync(Message.Hello);
    }

    private static StartEngine StartRequest(string lease) =>
        new() { LeaseId = lease, ProjectId = "p1", Architecture = MachineArchitecture.Name, ServerName = lease + ".test" };

    private async Task StartEngineAsync(string lease, TimeSpan? life = null)
    {
        await State.SendAsync(new ServerMessage { StartEngine = StartRequest(lease) });
        await CertifyAsync(life ?? TimeSpan.FromHours(1));
        await State.NextAsync(Message.EngineReady);
    }

    private async Task CertifyAsync(TimeSpan life)
    {
        var request = (await State.NextAsync(Message.CertificateRequest)).CertificateRequest;
        var chain = _authority.SignRequest(request.Csr.ToByteArray(), DateTimeOffset.UtcNow, life);
        await State.SendAsync(new ServerMessage { Certificate = new Certificate { LeaseId = request.LeaseId, Chain = chain } });
    }

    private async Task<BuildAdmission> AdmitAsync()
    {
        await AttachAsync();
        await StartEngineAsync("l1");
        await State.SendAsync(new ServerMessage
        {
            AdmitBuild = new AdmitBuild { BuildId = "b1", LeaseId = "l1", ExpiresAt = Timestamp.FromDateTimeOffset(DateTimeOffset.UtcNow.AddHours(1)) },
        });
        await State.NextAsync(Message.BuildAdmitted);
        return Assert.Single(_builder!.Gate.Builds);
    }

    private async Task<BuildEnded> EndedAsync()
    {
        _builder!.QuietClock.Advance(TimeSpan.FromSeconds(5));
        // The Status stream of a solve that still runs is given up after a while of the same clock.
        var ended = State.NextAsync(Message.BuildEnded);
        while (!ended.IsCompleted)
        {
            _builder.QuietClock.Advance(TimeSpan.FromSeconds(1));
            await Task.WhenAny(ended, Task.Delay(10, Cancellation));
        }

        return (await ended).BuildEnded;
    }

    private async Task RestartServerAsync(Func<Task> meanwhile)
    {
        var port = _fleet.Address.Port;
        await _fleet.DisposeAsync();
        await meanwhile();
        _fleet = await FakeFleet.StartAsync(State, port);
        await State.NextAsync(Message.Hello);
    }

    /// <summary>A two-step build that waits in the middle.</summary>
    private static async IAsyncEnumerable<StatusResponse> Told(Task? pause = null, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        var time = Timestamp.FromDateTimeOffset(DateTimeOffset.UnixEpoch.AddYears(50));
        yield return new StatusResponse { Vertexes = { new Vertex { Digest = "s1", Name = "FROM scratch", Cached = true, Started = time, Completed = time } } };
        await (pause ?? Task.CompletedTask).WaitAsync(cancellation);
        yield return new StatusResponse { Vertexes = { new Vertex { Digest = "s2", Name = "RUN it", Started = time } } };
        yield return new StatusResponse { Logs = { new VertexLog { Vertex = "s2", Stream = 1, Msg = ByteString.CopyFromUtf8("hello\n"), Timestamp = time } } };
        yield return new StatusResponse { Vertexes = { new Vertex { Digest = "s2", Name = "RUN it", Started = time, Completed = time } } };
    }

    private static async Task EventuallyAsync(Func<bool> condition)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (!condition())
        {
            await Task.Delay(10, limit.Token);
        }
    }

    private static async Task<BuilderIdentity> JoinAsync(BuilderOptions options, LineLog log)
    {
        var proving = new ProvingHandler(TimeProvider.System, () => new SocketsHttpHandler());
        using var channel = GrpcChannel.ForAddress(options.Server, new GrpcChannelOptions { HttpHandler = proving });
        return await new Registration(options, new FleetService.FleetServiceClient(channel), proving, log.CreateLogger<Registration>()).GetAsync(Cancellation);
    }
}
