using Depot.Cli.Build;
using Depot.Cli.ControlPlane;

namespace Depot.Cli.Bake;

/// <summary>Folders that several targets use on one builder: one session offers each, and so it travels once.</summary>
internal sealed class SharedFolders
{
    private const string SessionOf = "local-sessionid:";

    private readonly Dictionary<(string Architecture, string Name, string Folder), BuilderSolve> _owners = [];

    public SharedFolders(IEnumerable<BuildTarget> targets)
    {
        foreach (var target in targets)
        {
            foreach (var solve in target.Solves)
            {
                foreach (var (name, folder) in target.Plan.Inputs.Folders)
                {
                    _owners.TryAdd((solve.Architecture, name, folder), solve);
                }
            }
        }
    }

    /// <summary>What a Solve is told about folders that another one's session offers. That session is open when this returns.</summary>
    public async Task<IReadOnlyDictionary<string, string>> AttributesAsync(
        BuildTarget target, BuilderSolve solve, BuilderSet builders, CancellationToken cancellation)
    {
        var attributes = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, folder) in target.Plan.Inputs.Folders)
        {
            var owner = _owners[(solve.Architecture, name, folder)];
            if (owner != solve)
            {
                await owner.OpenSessionAsync(await builders.LeaseAsync(solve.Architecture), builders.ProjectId, cancellation);
                attributes[SessionOf + name] = owner.SessionId;
            }
        }

        return attributes;
    }
}
