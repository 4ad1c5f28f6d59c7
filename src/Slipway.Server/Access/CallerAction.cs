namespace Slipway.Server.Access;

/// <summary>What a caller wants to do to a <see cref="Resource"/>.</summary>
internal enum CallerAction
{
    CreateBuild,

    /// <summary>Connect, report and finish one build.</summary>
    WorkOnBuild,
    ReadBuilds,
    ListProjects,
    ListOrganizations,
    ResetCache,
    CreateProject,
    ManageProject,
    ManageOrganizations,

    /// <summary>Say who may do everything.</summary>
    ManageOperators,
    ListTokens,
    ManageTokens,
    ReadTrust,
    ManageTrust,
    ReadPeople,
    ManagePeople,
    ReadAudit,

    /// <summary>See what a project has in the registry, and hand out tokens to pull it.</summary>
    ReadImages,

    /// <summary>The registry's own three, of one repository.</summary>
    PullImages,
    PushImages,
    DeleteImages,
    ManageBuilders,

    /// <summary>See what the operator's registry has to know of this server.</summary>
    ManageRegistry,

    /// <summary>Trade a join token for a builder's identity.</summary>
    Enroll,

    /// <summary>Take work and report on it.</summary>
    ServeAsBuilder,
}
