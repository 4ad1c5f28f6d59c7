using Google.Protobuf;
using Google.Protobuf.Collections;
using Google.Protobuf.WellKnownTypes;
using Slipway.BuildKit.Progress;
using Slipway.BuildKit.Wire.Control;
using Slipway.BuildKit.Wire.Solver;

namespace Depot.Cli.Rendering;

/// <summary>Each status message as one line of JSON, at once: what <c>docker buildx build --progress=rawjson</c> writes and Compose reads.</summary>
internal sealed class RawJsonProgress(Terminal terminal) : IProgressRenderer
{
    private readonly Lock _gate = new();
    private readonly OutputBuffer _output = new();
    private bool _completed;

    public void Write(StatusResponse status)
    {
        lock (_gate)
        {
            if (!_completed)
            {
                new StatusJson(new GoJsonWriter(_output)).Write(status);
                _output.FlushTo(terminal.Err);
            }
        }
    }

    public ValueTask CompleteAsync()
    {
        lock (_gate)
        {
            _completed = true;
        }

        return ValueTask.CompletedTask;
    }

    public ValueTask DisposeAsync() => CompleteAsync();
}

/// <summary>The JSON form of status messages: fields without a value are left out, except those that docker always writes.</summary>
internal sealed class StatusJson(GoJsonWriter json)
{
    public void Write(StatusResponse status)
    {
        json.BeginObject();
        List("vertexes", status.Vertexes, Write);
        List("statuses", status.Statuses, Write);
        List("logs", status.Logs, Write);
        List("warnings", status.Warnings, Write);
        json.EndObject();
        json.EndLine();
    }

    private void Write(Vertex vertex)
    {
        json.BeginObject();
        Text("digest", vertex.Digest);
        List("inputs", vertex.Inputs, json.String);
        Text("name", vertex.Name);
        Time("started", vertex.Started);
        Time("completed", vertex.Completed);
        Flag("cached", vertex.Cached);
        Text("error", vertex.Error);
        if (vertex.ProgressGroup is { } group)
        {
            json.Name("progressGroup");
            Group(group.Id, group.Name, group.Weak);
        }

        json.EndObject();
    }

    private void Write(VertexStatus status)
    {
        json.BeginObject();
        json.Name("id");
        json.String(status.ID);
        Text("vertex", status.Vertex);
        Text("name", status.Name);
        Number("total", status.Total);
        json.Name("current");
        json.Number(status.Current);
        json.Name("timestamp");
        json.Time(status.Timestamp.ToNanoseconds());
        Time("started", status.Started);
        Time("completed", status.Completed);
        json.EndObject();
    }

    private void Write(VertexLog log)
    {
        json.BeginObject();
        Text("vertex", log.Vertex);
        Number("stream", log.Stream);
        json.Name("data");
        if (log.Msg.IsEmpty)
        {
            json.Null();
        }
        else
        {
            json.Base64(log.Msg.Span);
        }

        json.Name("timestamp");
        json.Time(log.Timestamp.ToNanoseconds());
        json.EndObject();
    }

    /// <summary>The form in which a warning stands in a metadata file, too.</summary>
    public static byte[] Of(VertexWarning warning)
    {
        using var text = new MemoryStream();
        var output = new OutputBuffer();
        new StatusJson(new GoJsonWriter(output)).Write(warning);
        output.FlushTo(text);
        return text.ToArray();
    }

    private void Write(VertexWarning warning)
    {
        json.BeginObject();
        Text("vertex", warning.Vertex);
        Number("level", warning.Level);
        Bytes("short", warning.Short);
        List("detail", warning.Detail, detail => json.Base64(detail.Span));
        Text("url", warning.Url);
        if (warning.Info is not null)
        {
            json.Name("sourceInfo");
            Write(warning.Info);
        }

        List("range", warning.Ranges, Write);
        json.EndObject();
    }

    private void Write(SourceInfo info)
    {
        json.BeginObject();
        Text("filename", info.Filename);
        Bytes("data", info.Data);
        if (info.Definition is not null)
        {
            json.Name("definition");
            Write(info.Definition);
        }

        Text("language", info.Language);
        json.EndObject();
    }

    private void Write(Definition definition)
    {
        json.BeginObject();
        List("def", definition.Def, operation => json.Base64(operation.Span));
        Map("metadata", definition.Metadata, bytes => Write(OpMetadata.Parser.ParseFrom(bytes)));
        if (definition.Source.Length > 0)
        {
            json.Name("Source");
            Write(Source.Parser.ParseFrom(definition.Source));
        }

        json.EndObject();
    }

    private void Write(OpMetadata metadata)
    {
        json.BeginObject();
        Flag("ignore_cache", metadata.IgnoreCache);
        Map("description", metadata.Description, json.String);
        if (metadata.ExportCache is { } export)
        {
            json.Name("export_cache");
            json.BeginObject();
            Flag("Value", export.Value);
            json.EndObject();
        }

        Map("caps", metadata.Caps, json.Boolean);
        if (metadata.ProgressGroup is { } group)
        {
            json.Name("progress_group");
            Group(group.Id, group.Name, group.Weak);
        }

        json.EndObject();
    }

    private void Write(Source source)
    {
        json.BeginObject();
        Map("locations", source.Locations, locations =>
        {
            json.BeginObject();
            List("locations", locations.Locations_, Write);
            json.EndObject();
        });
        List("infos", source.Infos, Write);
        json.EndObject();
    }

    private void Write(Location location)
    {
        json.BeginObject();
        Number("sourceIndex", location.SourceIndex);
        List("ranges", location.Ranges, Write);
        json.EndObject();
    }

    private void Write(Slipway.BuildKit.Wire.Solver.Range range)
    {
        json.BeginObject();
        Position("start", range.Start);
        Position("end", range.End);
        json.EndObject();
    }

    private void Position(string name, Position? position)
    {
        if (position is not null)
        {
            json.Name(name);
            json.BeginObject();
            Number("line", position.Line);
            Number("character", position.Character);
            json.EndObject();
        }
    }

    private void Group(string id, string name, bool weak)
    {
        json.BeginObject();
        Text("id", id);
        Text("name", name);
        Flag("weak", weak);
        json.EndObject();
    }

    private void List<T>(string name, RepeatedField<T> items, Action<T> write)
    {
        if (items.Count == 0)
        {
            return;
        }

        json.Name(name);
        json.BeginArray();
        foreach (var item in items)
        {
            write(item);
        }

        json.EndArray();
    }

    // Go sorts the keys of a map by their bytes.
    private void Map<T>(string name, MapField<string, T> items, Action<T> write)
    {
        if (items.Count == 0)
        {
            return;
        }

        json.Name(name);
        json.BeginObject();
        foreach (var key in items.Keys.Order(StringComparer.Ordinal))
        {
            json.Name(key);
            write(items[key]);
        }

        json.EndObject();
    }

    private void Text(string name, string value)
    {
        if (value.Length > 0)
        {
            json.Name(name);
            json.String(value);
        }
    }

    private void Bytes(string name, ByteString value)
    {
        if (value.Length > 0)
        {
            json.Name(name);
            json.Base64(value.Span);
        }
    }

    private void Number(string name, long value)
    {
        if (value != 0)
        {
            json.Name(name);
            json.Number(value);
        }
    }

    private void Flag(string name, bool value)
    {
        if (value)
        {
            json.Name(name);
            json.Boolean(value);
        }
    }

    private void Time(string name, Timestamp? value)
    {
        if (value is not null)
        {
            json.Name(name);
            json.Time(value.ToNanoseconds());
        }
    }
}
