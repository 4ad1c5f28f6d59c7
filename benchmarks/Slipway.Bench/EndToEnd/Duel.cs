using Slipway.Bench.Reporting;

namespace Slipway.Bench.EndToEnd;

/// <summary>Two commands that do the same, in turn.</summary>
internal sealed class Duel
{
    private readonly List<Cost> _ours = [];
    private readonly List<Cost> _theirs = [];

    /// <summary>Runs rounds of both, after one that does not count. Who comes first changes from round to round.</summary>
    public static async Task<Duel> FightAsync(int rounds, Func<int, Task<Cost>> ours, Func<int, Task<Cost>> theirs)
    {
        var duel = new Duel();
        for (var round = -1; round < rounds; round++)
        {
            var isOursFirst = round % 2 == 0;
            var first = await (isOursFirst ? ours : theirs)(round);
            var second = await (isOursFirst ? theirs : ours)(round);
            if (round >= 0)
            {
                duel._ours.Add(isOursFirst ? first : second);
                duel._theirs.Add(isOursFirst ? second : first);
            }
        }

        return duel;
    }

    /// <summary>The client's memory stays below the peer's everywhere (issue 2: must 1.0×, aim 0.5×).</summary>
    public IReadOnlyList<Row> Rows(string name, string peer, Goal time) =>
    [
        Row(name, "time", "s", peer, cost => cost.Seconds, time),
        Row(name, "memory", "MiB", peer, cost => cost.PeakMiB, Goal.RatioAtMost(1.0, 0.5)),
        Row(name, "processor", "s", peer, cost => cost.CpuSeconds, Goal.None),
    ];

    public IReadOnlyList<double> Ours(Func<Cost, double> figure) => [.. _ours.Select(figure)];

    private Row Row(string name, string measure, string unit, string peer, Func<Cost, double> figure, Goal goal) =>
        Reporting.Row.Of(name, measure, unit, Ours(figure), peer, [.. _theirs.Select(figure)], goal);
}
