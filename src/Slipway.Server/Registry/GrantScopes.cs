using Slipway.Contract;
using Slipway.Server.Access;
using Slipway.Server.Audit;
using Slipway.Server.Projects;

namespace Slipway.Server.Registry;

/// <summary>Says what of the asked a caller gets in the registry: exactly that, and nothing of what is absent or somebody else's.</summary>
internal sealed class GrantScopes(ProjectStore projects, Denials denials)
{
    private const int NameMax = 100;

    public IReadOnlyList<RegistryScope> Handle(Caller caller, IEnumerable<RegistryScope> asked) =>
        [.. asked.Select(scope => Handle(caller, scope)).Where(scope => scope.Actions.Count > 0)];

    private RegistryScope Handle(Caller caller, RegistryScope asked)
    {
        var resource = ResourceOf(asked);
        var granted = asked.Actions.Distinct(StringComparer.Ordinal).Where(action => resource is not null && Allows(caller, action, resource)).ToList();
        var refused = asked.Actions.Except(granted, StringComparer.Ordinal).ToList();
        if (refused.Count > 0)
        {
            denials.Add(caller, "registry.token", $"no {string.Join(',', refused).Clip(NameMax)} access to {asked.Type.Clip(NameMax)} \"{asked.Name.Clip(NameMax)}\"");
        }

        return asked with { Actions = granted };
    }

    // The catalogue of all repositories, and whatever else a registry may have, is nobody's.
    private Resource? ResourceOf(RegistryScope scope) => scope.Type == RegistryScope.Repository && new ImageRepository(scope.Name) is var repository
        ? Resource.Of(repository, projects.Find(repository.ProjectId)) : null;

    // Deleting is for the server alone: it knows which tags share an image (see RegistryApi).
    private static bool Allows(Caller caller, string action, Resource resource) => action switch
    {
        RegistryScope.Pull => AccessControl.Allows(caller, CallerAction.PullImages, resource),
        RegistryScope.Push => AccessControl.Allows(caller, CallerAction.PushImages, resource),
        _ => false,
    };
}
