using System.Collections.ObjectModel;
using Slipway.BuildKit.Wire.Solver;

namespace Depot.Cli.Build;

/// <summary>How a Solve hangs together with others on the same builder.</summary>
internal sealed record SolveLinks
{
    public static SolveLinks None { get; } = new();

    /// <summary>Results of other Solves, by the names that the attributes give them (<c>context:NAME=input:KEY</c>).</summary>
    public IReadOnlyDictionary<string, Definition> Inputs { get; init; } = ReadOnlyDictionary<string, Definition>.Empty;

    /// <summary>Frontend attributes beside those of the plan: <c>context:NAME</c>, <c>input-metadata:KEY</c>, and <c>local-sessionid:NAME</c>,
    /// which takes a folder from another Solve's session so that it travels once.</summary>
    public IReadOnlyDictionary<string, string> Attributes { get; init; } = ReadOnlyDictionary<string, string>.Empty;

    /// <summary>Others wait for the frontend's answer: the Solve goes through the gateway, which costs two more round trips.</summary>
    public bool WantsFrontendResult { get; init; }

    /// <summary>The same for another Solve of the target, which takes the folders from the first one's session.</summary>
    public SolveLinks WithFolders(IEnumerable<string> folders, string sessionId)
    {
        var attributes = new Dictionary<string, string>(Attributes, StringComparer.Ordinal);
        foreach (var folder in folders)
        {
            attributes.TryAdd($"local-sessionid:{folder}", sessionId);
        }

        return this with { Attributes = attributes, WantsFrontendResult = false };
    }
}
