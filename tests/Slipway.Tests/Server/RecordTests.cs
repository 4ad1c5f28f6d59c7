using System.Text;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Slipway.Contract.Admin.V1;
using Slipway.Contract.Depot.Cli.V1;
using Slipway.Contract.Fleet.V1;
using Slipway.Tests.Server.Support;
using Xunit;
using Record = Slipway.Contract.Fleet.V1.Record;

namespace Slipway.Tests.Server;

/// <summary>What builders witnessed is stored once, in order.</summary>
public sealed class RecordTests
{
    [Fact]
    public async Task Records_that_come_again_and_again_are_stored_once_and_in_order()
    {
        await using var server = await TestServer.StartAsync();
        await using var builder = await FakeBuilder.AttachedAsync(server);
        var build = await AdmittedAsync(server);
        var random = new Random(7);
        var acked = 0L;

        // A builder whose calls break at random: it begins anew somewhere before what was acknowledged.
        for (var broken = 0; broken < 25; broken++)
        {
            using var call = server.Fleet(builder.Token).Report();
            var next = Math.Max(1, acked + 1 - random.Next(0, 30));
            for (var batch = 0; batch < 3; batch++)
            {
                var count = random.Next(1, 40);
                await call.RequestStream.WriteAsync(Batch(build, next, count));
                next += count;
                Assert.True(await call.ResponseStream.MoveNext(default));
                acked = Math.Max(acked, call.ResponseStream.Current.Sequence);
            }
        }

        var lines = await LinesAsync(server, build);
        Assert.Equal(Enumerable.Range(1, (int)acked).Select(i => $"line {i}"), lines);
    }

    [Fact]
    public async Task A_gap_is_refused_and_nothing_of_it_stored()
    {
        await using var server = await TestServer.StartAsync();
        await using var builder = await FakeBuilder.AttachedAsync(server);
        var build = await BuildWithLinesAsync(server, builder, 3);
        using var call = server.Fleet(builder.Token).Report();
        await call.RequestStream.WriteAsync(Batch(build, 5, 2));

        var refused = await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext(default));

        Assert.Equal(StatusCode.FailedPrecondition, refused.StatusCode);
        Assert.Equal($"records of build \"{build}\" jump from 3 to 5; send everything after 3 again", refused.Status.Detail);
        Assert.Equal(3, (await LinesAsync(server, build)).Count);
    }

    [Fact]
    public async Task A_batch_with_a_gap_inside_stores_nothing_of_itself()
    {
        await using var server = await TestServer.StartAsync();
        await using var builder = await FakeBuilder.AttachedAsync(server);
        var build = await AdmittedAsync(server);
        var batch = Batch(build, 1, 3);
        batch.Records[2].Sequence = 9;
        using var call = server.Fleet(builder.Token).Report();
        await call.RequestStream.WriteAsync(batch);

        await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext(default));

        Assert.Empty(await LinesAsync(server, build));
    }

    [Fact]
    public async Task A_builder_cannot_report_on_a_build_that_it_was_not_given()
    {
        await using var server = await TestServer.StartAsync();
        await using var builder = await FakeBuilder.AttachedAsync(server);
        await using var other = await FakeBuilder.EnrollAsync(server, "other");
        var build = await AdmittedAsync(server);
        using var call = server.Fleet(other.Token).Report();
        await call.RequestStream.WriteAsync(Batch(build, 1, 1));

        var refused = await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext(default));

        Assert.Equal(StatusCode.PermissionDenied, refused.StatusCode);
        Assert.Empty(await LinesAsync(server, build));
    }

    [Fact]
    public async Task A_steps_last_state_is_shown_in_the_order_of_its_first()
    {
        await using var server = await TestServer.StartAsync();
        await using var builder = await FakeBuilder.AttachedAsync(server);
        var build = await AdmittedAsync(server);
        var batch = new RecordBatch { BuildId = build, Architecture = "amd64" };
        batch.Records.Add(Step(1, "sha256:b", "second letter", null));
        batch.Records.Add(Step(2, "sha256:a", "first letter", "exit code: 3"));
        batch.Records.Add(Step(3, "sha256:b", "second letter", ""));
        using var call = server.Fleet(builder.Token).Report();
        await call.RequestStream.WriteAsync(batch);
        Assert.True(await call.ResponseStream.MoveNext(default));

        var steps = (await server.Admin().ShowBuildAsync(new ShowBuildRequest { BuildId = build })).Steps;

        Assert.Equal(["second letter", "first letter"], steps.Select(step => step.Name));
        Assert.NotNull(steps[0].CompletedAt);
        Assert.Equal("exit code: 3", steps[1].Error);
    }

    [Fact]
    public async Task Acknowledged_records_survive_a_restart_and_go_on_behind_it()
    {
        await using var server = await TestServer.StartAsync();
        await using var builder = await FakeBuilder.AttachedAsync(server);
        var build = await BuildWithLinesAsync(server, builder, 5);
        await server.RestartAsync();
        using var call = server.Fleet(builder.Token).Report();
        await call.RequestStream.WriteAsync(Batch(build, 4, 4));

        Assert.True(await call.ResponseStream.MoveNext(default));

        Assert.Equal(7, call.ResponseStream.Current.Sequence);
        Assert.Equal(7, (await LinesAsync(server, build)).Count);
    }

    /// <summary>A build on this builder whose log has the lines "line 1", "line 2", …</summary>
    internal static async Task<string> BuildWithLinesAsync(TestServer server, FakeBuilder builder, int lines)
    {
        var build = await AdmittedAsync(server);
        using var call = server.Fleet(builder.Token).Report();
        await call.RequestStream.WriteAsync(Batch(build, 1, lines));
        Assert.True(await call.ResponseStream.MoveNext(default));
        Assert.Equal(lines, call.ResponseStream.Current.Sequence);
        return build;
    }

    private static async Task<string> AdmittedAsync(TestServer server)
    {
        var (build, token) = await server.CreateBuildAsync();
        var answer = await server.Builds(token).GetBuildKitConnectionAsync(
            new GetBuildKitConnectionRequest { BuildId = build, Platform = BuilderPlatform.Amd64 });
        Assert.NotNull(answer.Active);
        return build;
    }

    private static async Task<List<string>> LinesAsync(TestServer server, string build)
    {
        using var call = server.Admin().ReadBuildLog(new ReadBuildLogRequest { BuildId = build });
        var lines = new List<string>();
        await foreach (var line in call.ResponseStream.ReadAllAsync())
        {
            lines.Add(line.Line);
        }

        return lines;
    }

    private static RecordBatch Batch(string build, long first, int count)
    {
        var batch = new RecordBatch { BuildId = build, Architecture = "amd64" };
        batch.Records.AddRange(Enumerable.Range(0, count).Select(i => new Record
        {
            Sequence = first + i,
            Log = new LogRecord { StepDigest = "sha256:a", Stream = 1, At = new Timestamp(), Line = ByteString.CopyFrom($"line {first + i}", Encoding.UTF8) },
        }));
        return batch;
    }

    /// <summary>A step that runs (null), is done (""), or failed.</summary>
    private static Record Step(long sequence, string digest, string name, string? error) => new()
    {
        Sequence = sequence,
        Step = new StepRecord
        {
            Digest = digest, Name = name, Error = error ?? "", StartedAt = new Timestamp(), CompletedAt = error is null ? null : new Timestamp(),
        },
    };
}
