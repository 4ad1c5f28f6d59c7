using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Slipway.Contract.Depot.Cli.V1;

namespace Slipway.Server;

/// <summary>Counters since the start, in the text format of Prometheus.</summary>
internal sealed class ServerMetrics
{
    private readonly ConcurrentDictionary<(string Method, string Code), long> _calls = new();
    private readonly ConcurrentDictionary<BuildStatus, long> _ends = new();
    private readonly ConcurrentDictionary<string, long> _replays = new(StringComparer.Ordinal);
    private long _denials;
    private long _builds;
    private long _records;

    public void CountCall(string method, string code) => _calls.AddOrUpdate((method, code), 1, (_, count) => count + 1);

    public void CountBuild() => Interlocked.Increment(ref _builds);

    public void CountReplay(string kind) => _replays.AddOrUpdate(kind, 1, (_, count) => count + 1);

    public void CountDenial() => Interlocked.Increment(ref _denials);

    public void CountBuildEnd(BuildStatus status) => _ends.AddOrUpdate(status, 1, (_, count) => count + 1);

    public void CountRecords(long records) => Interlocked.Add(ref _records, records);

    public string Render(int buildersConnected, long buildsRunning)
    {
        var text = new StringBuilder();
        Header(text, "slipway_rpc_total", "counter", "Calls answered, by method and code.");
        foreach (var call in _calls.OrderBy(call => call.Key.Method, StringComparer.Ordinal))
        {
            Line(text, "slipway_rpc_total", $"{{method=\"{call.Key.Method}\",code=\"{call.Key.Code}\"}}", call.Value);
        }

        Header(text, "slipway_builds_created_total", "counter", "Builds opened.");
        Line(text, "slipway_builds_created_total", "", Interlocked.Read(ref _builds));
        Header(text, "slipway_builds_ended_total", "counter", "Builds ended, by final status.");
        foreach (var end in _ends.OrderBy(end => end.Key))
        {
            Line(text, "slipway_builds_ended_total", $"{{status=\"{end.Key.ToString().ToLowerInvariant()}\"}}", end.Value);
        }

        Header(text, "slipway_denials_total", "counter", "Refusals that went into the audit log.");
        Line(text, "slipway_denials_total", "", Interlocked.Read(ref _denials));
        Header(text, "slipway_replays_total", "counter", "Secrets for one use that came a second time, by kind.");
        foreach (var replay in _replays.OrderBy(replay => replay.Key, StringComparer.Ordinal))
        {
            Line(text, "slipway_replays_total", $"{{kind=\"{replay.Key}\"}}", replay.Value);
        }

        Header(text, "slipway_records_stored_total", "counter", "Steps, log lines and warnings stored.");
        Line(text, "slipway_records_stored_total", "", Interlocked.Read(ref _records));
        Header(text, "slipway_builders_connected", "gauge", "Builders with a standing connection.");
        Line(text, "slipway_builders_connected", "", buildersConnected);
        Header(text, "slipway_builds_running", "gauge", "Builds without a final state.");
        Line(text, "slipway_builds_running", "", buildsRunning);
        return text.ToString();
    }

    private static void Header(StringBuilder text, string name, string type, string help) =>
        text.Append("# HELP ").Append(name).Append(' ').Append(help).Append("\n# TYPE ").Append(name).Append(' ').Append(type).Append('\n');

    private static void Line(StringBuilder text, string name, string labels, long value) =>
        text.Append(name).Append(labels).Append(' ').Append(value.ToString(CultureInfo.InvariantCulture)).Append('\n');
}
