using System.Text;
using Dapper;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Slipway.Contract.Fleet.V1;
using Slipway.Server.Builds;
using Slipway.Server.Records;
using Slipway.Server.Storage;

namespace Slipway.Tests.Server.Support;

/// <summary>What a builder reports of a build whose author wrote something into everything that can be written.</summary>
internal static class HostileRecords
{
    public const string Digest = "sha256:hostile";

    public static async Task WriteAsync(TestServer server, string build, string text)
    {
        await AdmitAsync(server, build, text);
        var batch = new RecordBatch { BuildId = build, Architecture = "amd64" };
        batch.Records.Add(new Record
        {
            Sequence = 1,
            Step = new StepRecord { Digest = Digest, Name = text, Error = text, StartedAt = new Timestamp(), CompletedAt = new Timestamp { Seconds = 2 } },
        });
        batch.Records.Add(Line(2, text));
        batch.Records.Add(Line(3, $"\e[31m{text}\e[0m"));
        batch.Records.Add(new Record { Sequence = 4, Warning = new WarningRecord { StepDigest = Digest, Text = text, Url = "javascript:pwn()" } });
        await server.Service<RecordStore>().AppendAsync("dfake", batch, default);
    }

    /// <summary>A line of that step.</summary>
    public static Record Line(long sequence, string text) => new()
    {
        Sequence = sequence,
        Log = new LogRecord { StepDigest = Digest, Stream = 1, At = new Timestamp(), Line = ByteString.CopyFrom(text, Encoding.UTF8) },
    };

    public static async Task AdmitAsync(TestServer server, string build, string builderName)
    {
        var now = server.Options.Clock.GetUtcNow().ToUnixTimeMilliseconds();
        await server.Service<Database>().WriteAsync(
            connection => connection.Execute(
                """
                INSERT INTO builders (id, name, created_at, architectures) VALUES ('dfake', @builderName, @now, 'amd64') ON CONFLICT DO NOTHING;
                INSERT INTO leases (id, project_id, architecture, builder_id, server_name, created_at, ended_at)
                    SELECT 'l' || id, project_id, 'amd64', 'dfake', 'l' || id, @now, @now FROM builds WHERE id = @build;
                INSERT INTO caches (builder_id, project_id, architecture) SELECT 'dfake', project_id, 'amd64' FROM builds WHERE id = @build ON CONFLICT DO NOTHING;
                """,
                new { build, builderName, now }),
            default);
        await server.Service<BuildStore>().AdmitAsync(
            new Admission { BuildId = build, Architecture = "amd64", LeaseId = "l" + build, BuilderId = "dfake", AdmittedAt = now }, default);
    }
}
