using Slipway.Server.Projects;

namespace Slipway.Server.Pages;

/// <summary>Where on the site a page is: what the navigation marks, and whose tabs it shows.</summary>
/// <param name="Trail">What the page is a part of, where that is no project.</param>
internal sealed record Place(string Section, string OrganizationId = "", Project? Project = null, string Tab = "", (string Words, string Path) Trail = default)
{
    public const string Builds = "builds";
    public const string Projects = "projects";
    public const string People = "people";
    public const string Tokens = "tokens";
    public const string Audit = "audit";
    public const string Builders = "builders";
    public const string Account = "account";
    public const string Trust = "trust";
    public const string Settings = "settings";

    public static readonly Place Nowhere = new("");

    /// <summary>One of a project's tabs.</summary>
    public static Place In(Project project, string tab) => new(Projects, project.OrganizationId, project, tab);
}
