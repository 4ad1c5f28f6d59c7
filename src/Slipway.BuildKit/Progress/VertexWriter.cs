using System.Security.Cryptography;
using System.Text;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Slipway.BuildKit.Wire.Control;

namespace Slipway.BuildKit.Progress;

/// <summary>Writes steps of the client's own into a build's progress, beside those that BuildKit reports.</summary>
public sealed class VertexWriter(Action<StatusResponse> write, TimeProvider clock)
{
    /// <summary>Shows a step that has begun.</summary>
    public RunningVertex Start(string name)
    {
        var vertex = new Vertex { Digest = NewDigest(), Name = name, Started = Now() };
        Write(new StatusResponse { Vertexes = { vertex.Clone() } });
        return new RunningVertex(this, vertex);
    }

    /// <summary>Shows a step around <paramref name="work"/>: its success, its failure or its cancellation.</summary>
    public async Task<T> RunAsync<T>(string name, Func<RunningVertex, Task<T>> work)
    {
        var vertex = Start(name);
        try
        {
            var result = await work(vertex);
            vertex.Complete();
            return result;
        }
        catch (OperationCanceledException)
        {
            // Renderers show an error that ends in these words as CANCELED.
            vertex.Fail("context canceled");
            throw;
        }
        catch (Exception e)
        {
            vertex.Fail(e.Message);
            throw;
        }
    }

    /// <inheritdoc cref="RunAsync{T}"/>
    public Task RunAsync(string name, Func<RunningVertex, Task> work) => RunAsync(name, async vertex =>
    {
        await work(vertex);
        return true;
    });

    internal void Write(StatusResponse status) => write(status);

    internal Timestamp Now() => Timestamp.FromDateTimeOffset(clock.GetUtcNow());

    private static string NewDigest() => $"sha256:{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32))}";
}

/// <summary>A step of the client's own that has begun.</summary>
public sealed class RunningVertex
{
    private readonly VertexWriter _writer;
    private readonly Vertex _vertex;
    private int _ended;

    internal RunningVertex(VertexWriter writer, Vertex vertex) => (_writer, _vertex) = (writer, vertex);

    public string Digest => _vertex.Digest;

    /// <summary>Adds output to the step. A line needs its own line end.</summary>
    public void Log(string text, bool isError = false) => _writer.Write(new StatusResponse
    {
        Logs =
        {
            new VertexLog { Vertex = _vertex.Digest, Stream = isError ? 2 : 1, Timestamp = _writer.Now(), Msg = ByteString.CopyFrom(text, Encoding.UTF8) },
        },
    });

    /// <summary>Shows how far a part of the step is.</summary>
    public void Report(string id, long current, long total, DateTimeOffset started, bool completed)
    {
        var status = new VertexStatus
        {
            ID = id,
            Vertex = _vertex.Digest,
            Current = current,
            Total = total,
            Started = Timestamp.FromDateTimeOffset(started),
            Timestamp = _writer.Now(),
        };
        if (completed)
        {
            status.Completed = status.Timestamp;
        }

        _writer.Write(new StatusResponse { Statuses = { status } });
    }

    public void Complete() => End(error: "");

    public void Fail(string error) => End(error);

    // The first end counts: a step cannot fail after it was shown as done.
    private void End(string error)
    {
        if (Interlocked.Exchange(ref _ended, 1) == 0)
        {
            var ended = _vertex.Clone();
            ended.Completed = _writer.Now();
            ended.Error = error;
            _writer.Write(new StatusResponse { Vertexes = { ended } });
        }
    }
}
