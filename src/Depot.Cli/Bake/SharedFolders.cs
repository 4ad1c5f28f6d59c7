using Depot.Cli.Build;

namespace Depot.Cli.Bake;

/// <summary>Folders that several targets use on one builder: one session offers each, and so it travels once.</summary>
internal sealed class SharedFolders
{
    private const string SessionOf = "local-sessionid:";

    private readonly Dictionary<(string Name, string Folder), List<BuildTarget>> _owners = [];

    public SharedFolders(IEnumerable<BuildTarget> targets)
    {
        foreach (var target in targets)
        {
            foreach (var (name, folder) in target.Plan.Inputs.Folders)
            {
                if (!_owners.TryGetValue((name, folder), out var owners))
                {
                    _owners[(name, folder)] = owners = [];
                }

                owners.Add(target);
            }
        }
    }

    /// <summary>What a Solve is told about folders that another one's session offers. That session is open when this returns.</summary>
    public async Task<IReadOnlyDictionary<string, string>> AttributesAsync(BuildTarget target, BuilderSolve solve, CancellationToken cancellation)
    {
        var attributes = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, folder) in target.Plan.Inputs.Folders)
        {
            if (await OwnerAsync((name, folder), target, solve, cancellation) is { } owner)
            {
                attributes[SessionOf + name] = owner.SessionId;
            }
        }

        return attributes;
    }

    /// <summary>The first target with the folder that is built on the same builder; null when that is the target itself.</summary>
    private async Task<BuilderSolve?> OwnerAsync((string, string) folder, BuildTarget target, BuilderSolve solve, CancellationToken cancellation)
    {
        foreach (var owner in _owners[folder].TakeWhile(owner => owner != target))
        {
            if (await owner.OnBuilderOfAsync(solve).WaitAsync(cancellation) is { } other)
            {
                return other;
            }
        }

        return null;
    }
}
