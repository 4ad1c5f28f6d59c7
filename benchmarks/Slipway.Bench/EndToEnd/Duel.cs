using Slipway.Bench.Reporting;

namespace Slipway.Bench.EndToEnd;

/// <summary>One who can do what is measured.</summary>
/// <param name="Run">Does it once; told the round, so that nothing is met twice that must be new.</param>
internal sealed record Side(string Name, Func<int, Task<Cost>> Run);

/// <summary>Commands that do the same, in turn: ours, and its peers.</summary>
internal sealed class Duel
{
    private readonly IReadOnlyList<Side> _sides;
    private readonly List<Cost>[] _costs;

    private Duel(IReadOnlyList<Side> sides)
    {
        _sides = sides;
        _costs = [.. sides.Select(_ => new List<Cost>())];
    }

    /// <summary>Runs rounds of all, after one that does not count. Who comes first changes from round to round.</summary>
    /// <param name="sides">Ours first.</param>
    public static async Task<Duel> FightAsync(int rounds, params IReadOnlyList<Side> sides)
    {
        var duel = new Duel(sides);
        for (var round = -1; round < rounds; round++)
        {
            for (var turn = 0; turn < sides.Count; turn++)
            {
                var side = (turn + round + 1) % sides.Count;
                var cost = await sides[side].Run(round);
                if (round >= 0)
                {
                    duel._costs[side].Add(cost);
                }
            }
        }

        return duel;
    }

    /// <summary>Rows beside every peer. The first one is who the goals speak of; the client's memory stays below its everywhere (issue 2: must
    /// 1.0×, aim 0.5×).</summary>
    public IReadOnlyList<Row> Rows(string name, Goal time) =>
    [
        .. Enumerable.Range(1, _sides.Count - 1).SelectMany(peer => (Row[])
        [
            Compare(name, "time", "s", peer, cost => cost.Seconds, peer == 1 ? time : Goal.None),
            Compare(name, "memory", "MiB", peer, cost => cost.PeakMiB, peer == 1 ? Goal.RatioAtMost(1.0, 0.5) : Goal.None),
            Compare(name, "processor", "s", peer, cost => cost.CpuSeconds, Goal.None),
        ]),
    ];

    public IReadOnlyList<double> Ours(Func<Cost, double> figure) => [.. _costs[0].Select(figure)];

    private Row Compare(string name, string measure, string unit, int peer, Func<Cost, double> figure, Goal goal) =>
        Row.Of(name, measure, unit, Ours(figure), _sides[peer].Name, [.. _costs[peer].Select(figure)], goal);
}
