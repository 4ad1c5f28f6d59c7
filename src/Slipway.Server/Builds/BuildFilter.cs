namespace Slipway.Server.Builds;

/// <summary>Which builds to list: those of a project, or of all projects of an organization.</summary>
internal sealed record BuildFilter
{
    private BuildFilter(string scope, bool isOfProject) => (Scope, IsOfProject) = (scope, isOfProject);

    /// <summary>The project's id, or the organization's.</summary>
    public string Scope { get; }

    public bool IsOfProject { get; }

    /// <summary>0: any.</summary>
    public long Status { get; init; }

    /// <summary>A part of who started it; empty: anybody.</summary>
    public string By { get; init; } = "";

    public long Since { get; init; }

    public static BuildFilter OfProject(string id) => new(id, true);

    public static BuildFilter OfOrganization(string id) => new(id, false);
}
