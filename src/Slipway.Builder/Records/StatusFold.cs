using System.Text;
using Slipway.BuildKit.Wire.Control;
using Slipway.Contract;
using Slipway.Contract.Fleet.V1;

namespace Slipway.Builder.Records;

/// <summary>Turns one solve's Status stream into records: steps as they change, whole log lines, warnings.</summary>
internal sealed class StatusFold(Action<Record> emit)
{
    /// <summary>Arbitrary; BuildKit's own texts are far shorter, only a frontend's could be longer.</summary>
    private const int TextLengthMax = 64 * 1024;

    private readonly Dictionary<string, StepRecord> _steps = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Step, int Stream), LogLines> _lines = [];

    public void Add(StatusResponse status)
    {
        // Lines before the step that they belong to is completed, and a step before its lines when it is new.
        foreach (var vertex in status.Vertexes.Where(vertex => vertex.Completed is null))
        {
            AddStep(vertex);
        }

        foreach (var chunk in status.Logs)
        {
            LinesOf(chunk.Vertex, (int)chunk.Stream).Add(chunk.Msg.Span, chunk.Timestamp, emit);
        }

        foreach (var warning in status.Warnings)
        {
            AddWarning(warning);
        }

        foreach (var vertex in status.Vertexes.Where(vertex => vertex.Completed is not null))
        {
            FlushLines(vertex.Digest);
            AddStep(vertex);
        }
    }

    /// <summary>The stream is over.</summary>
    public void Complete()
    {
        foreach (var lines in _lines.Values)
        {
            lines.Flush(emit);
        }

        _lines.Clear();
    }

    private void AddStep(Vertex vertex)
    {
        var step = new StepRecord
        {
            Digest = vertex.Digest,
            Name = vertex.Name.Clip(TextLengthMax),
            Cached = vertex.Cached,
            StartedAt = vertex.Started,
            CompletedAt = vertex.Completed,
            Error = vertex.Error.Clip(TextLengthMax),
            Inputs = { vertex.Inputs },
        };
        // BuildKit repeats a vertex with every listener and every parent; only a change is worth a record.
        if (!_steps.TryGetValue(step.Digest, out var known) || !known.Equals(step))
        {
            _steps[step.Digest] = step;
            emit(new Record { Step = step });
        }
    }

    private void AddWarning(VertexWarning warning)
    {
        emit(new Record
        {
            Warning = new WarningRecord
            {
                StepDigest = warning.Vertex,
                Level = (int)warning.Level,
                Text = Encoding.UTF8.GetString(warning.Short.Span).Clip(TextLengthMax),
                Detail = { warning.Detail.Select(detail => Encoding.UTF8.GetString(detail.Span).Clip(TextLengthMax)) },
                Url = warning.Url,
            },
        });
    }

    private LogLines LinesOf(string step, int stream)
    {
        if (!_lines.TryGetValue((step, stream), out var lines))
        {
            _lines[(step, stream)] = lines = new LogLines(step, stream);
        }

        return lines;
    }

    private void FlushLines(string step)
    {
        foreach (var key in _lines.Keys.Where(key => key.Step == step).ToArray())
        {
            _lines[key].Flush(emit);
            _lines.Remove(key);
        }
    }
}
