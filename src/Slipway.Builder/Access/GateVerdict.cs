using System.Diagnostics.CodeAnalysis;

namespace Slipway.Builder.Access;

/// <summary>What the gate says of one client certificate: a build, or why not.</summary>
internal readonly record struct GateVerdict
{
    private GateVerdict(BuildAdmission? admission, string? refusal)
    {
        Admission = admission;
        Refusal = refusal;
    }

    public BuildAdmission? Admission { get; }

    /// <summary>One line for the builder's log; the peer learns only that it was refused.</summary>
    public string? Refusal { get; }

    [MemberNotNullWhen(true, nameof(Admission))]
    [MemberNotNullWhen(false, nameof(Refusal))]
    public bool IsAdmitted => Admission is not null;

    public static GateVerdict Admit(BuildAdmission admission) => new(admission, null);

    public static GateVerdict Refuse(string reason) => new(null, reason);
}
