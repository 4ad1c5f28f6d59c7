using System.Globalization;
using System.Text.Json;

namespace Slipway.Bench.EndToEnd;

/// <summary>One row of the table: our medians, the peer's in the same run, and what the ratio has to be.</summary>
internal sealed record Comparison(string Name, Cost Ours, Cost? Peer, string PeerName, double? RatioMust)
{
    public double? Ratio => Peer is null ? null : Ours.Seconds / Peer.Seconds;

    public double? MemoryRatio => Peer is null ? null : Ours.PeakMiB / Peer.PeakMiB;

    public void Print(TextWriter writer)
    {
        string Seconds(double value) => value.ToString("0.000", CultureInfo.InvariantCulture).PadLeft(8);
        string Ratio(double? value) => (value?.ToString("0.00", CultureInfo.InvariantCulture) ?? "–").PadLeft(6);
        var verdict = this.Ratio is { } ratio && RatioMust is { } must ? ratio <= must ? "ok" : "OVER" : "";
        writer.WriteLine(
            $"{Name,-14} {Seconds(Ours.Seconds)} s {Ours.PeakMiB,6:0} MiB | {PeerName,-16} " +
            (Peer is null ? new string(' ', 21) : $"{Seconds(Peer.Seconds)} s {Peer.PeakMiB,6:0} MiB") +
            $" | time {Ratio(this.Ratio)} (must {Ratio(RatioMust).Trim()}) memory {Ratio(MemoryRatio)} {verdict}");
    }

    public void Save(string folder)
    {
        Directory.CreateDirectory(folder);
        using var file = File.Create(Path.Combine(folder, $"{Name}.json"));
        using var json = new Utf8JsonWriter(file, new JsonWriterOptions { Indented = true });
        json.WriteStartObject();
        json.WriteString("name", Name);
        Write(json, "ours", Ours);
        if (Peer is not null)
        {
            json.WriteString("peerName", PeerName);
            Write(json, "peer", Peer);
            json.WriteNumber("ratio", Ratio!.Value);
            json.WriteNumber("memoryRatio", MemoryRatio!.Value);
        }

        if (RatioMust is { } must)
        {
            json.WriteNumber("ratioMust", must);
        }

        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, string name, Cost cost)
    {
        json.WriteStartObject(name);
        json.WriteNumber("seconds", cost.Seconds);
        json.WriteNumber("cpuSeconds", cost.CpuSeconds);
        json.WriteNumber("peakMiB", cost.PeakMiB);
        json.WriteEndObject();
    }
}
