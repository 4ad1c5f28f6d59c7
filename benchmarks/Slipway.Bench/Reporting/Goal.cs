namespace Slipway.Bench.Reporting;

/// <summary>What a row has to reach.</summary>
/// <param name="Must">Null where the issue only asks for the figure.</param>
/// <param name="Aim">What it hopes for.</param>
/// <param name="OfRatio">The numbers speak of the ratio to the peer, not of the figure itself.</param>
/// <param name="AtLeast">Larger is better.</param>
internal sealed record Goal(double? Must, double? Aim, bool OfRatio, bool AtLeast = false)
{
    public static readonly Goal None = new(null, null, OfRatio: false);

    public static Goal RatioAtMost(double? must, double? aim = null) => new(must, aim, OfRatio: true);

    public static Goal RatioAtLeast(double must, double? aim = null) => new(must, aim, OfRatio: true, AtLeast: true);

    public static Goal AtMost(double? must, double? aim = null) => new(must, aim, OfRatio: false);

    /// <summary>Null when there is nothing to judge.</summary>
    public Verdict? Judge(double? figure) =>
        figure is not { } value || (Must ?? Aim) is null ? null
        : Aim is { } aim && Reaches(value, aim) ? Verdict.Aim
        : Must is { } must && !Reaches(value, must) ? Verdict.Missed
        : Must is null ? Verdict.Short
        : Verdict.Met;

    private bool Reaches(double value, double bound) => AtLeast ? value >= bound : value <= bound;
}

internal enum Verdict
{
    /// <summary>The aim is reached.</summary>
    Aim,

    /// <summary>The must is met.</summary>
    Met,

    /// <summary>There is only an aim, and it is not reached.</summary>
    Short,

    /// <summary>The must is not met.</summary>
    Missed,
}
