using System.Globalization;

namespace Slipway.Bench.Reporting;

/// <summary>One line of the table.</summary>
/// <param name="Case">The name that <c>./bench NAME</c> takes.</param>
/// <param name="Measure">What of it: time, memory, rate, bytes.</param>
/// <param name="Peer">Who was measured in the same run; empty when nobody was.</param>
/// <param name="Ratio">Median of the rounds' own ratios: two runs that follow each other share the machine's mood.</param>
internal sealed record Row(string Case, string Measure, string Unit, double Ours, string Peer, double? Theirs, double? Ratio, Goal Goal)
{
    public Verdict? Verdict => Goal.Judge(Goal.OfRatio ? Ratio : Ours);

    /// <summary>A row of paired samples, one pair a round.</summary>
    public static Row Of(string name, string measure, string unit, IReadOnlyList<double> ours, string peer, IReadOnlyList<double> theirs, Goal goal) => new(
        name, measure, unit, Median(ours), peer, theirs.Count == 0 ? null : Median(theirs),
        theirs.Count == 0 ? null : Median([.. ours.Zip(theirs, (our, their) => our / their)]), goal);

    public static Row Of(string name, string measure, string unit, IReadOnlyList<double> ours, Goal goal) => Of(name, measure, unit, ours, "", [], goal);

    public IReadOnlyList<string> Cells =>
    [
        Case, Measure, $"{Number(Ours)} {Unit}", Theirs is null ? "–" : $"{Number(Theirs)} {Unit}", Peer.Length == 0 ? "–" : Peer, Factor(Ratio),
        Bound(Goal.Must), Bound(Goal.Aim), Verdict switch
        {
            Reporting.Verdict.Aim => "aim reached",
            Reporting.Verdict.Met => "met",
            Reporting.Verdict.Short => "short of the aim",
            Reporting.Verdict.Missed => "MISSED",
            _ => "reported",
        },
    ];

    public static double Median(IReadOnlyList<double> values)
    {
        var sorted = values.Order().ToList();
        return sorted.Count % 2 == 1 ? sorted[sorted.Count / 2] : (sorted[(sorted.Count / 2) - 1] + sorted[sorted.Count / 2]) / 2;
    }

    private string Bound(double? bound) =>
        bound is null ? "–" : (Goal.AtLeast ? "≥ " : "≤ ") + (Goal.OfRatio ? Factor(bound) : $"{Number(bound)} {Unit}");

    private static string Factor(double? ratio) => ratio is null ? "–" : Number(ratio) + "×";

    private static string Number(double? value) => value switch
    {
        null => "–",
        >= 100 or 0 => value.Value.ToString("0", CultureInfo.InvariantCulture),
        >= 10 => value.Value.ToString("0.0", CultureInfo.InvariantCulture),
        >= 0.01 => value.Value.ToString("0.00", CultureInfo.InvariantCulture),
        _ => value.Value.ToString("0.0000", CultureInfo.InvariantCulture),
    };
}
