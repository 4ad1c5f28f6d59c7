using Slipway.Server.Builds;
using Slipway.Server.Projects;
using Slipway.Server.Registry;

namespace Slipway.Server.Access;

/// <summary>What a call wants to touch, with everything that decides who may.</summary>
internal sealed record Resource
{
    /// <summary>How a refusal calls it: <c>project "p2k…"</c>.</summary>
    public required string Text { get; init; }

    /// <summary>False for an id that names nothing: nobody has access to it, and the refusal reads the same as for a stranger's.</summary>
    public bool Exists { get; init; } = true;

    public string? OrganizationId { get; init; }

    public string? ProjectId { get; init; }

    public string? BuildId { get; init; }

    public string? BuilderId { get; init; }

    /// <summary>What untrusted builds made: it is apart from the rest of its project.</summary>
    public bool IsUntrusted { get; init; }

    /// <summary>The person whose own it is.</summary>
    public string? UserId { get; init; }

    /// <summary>Whatever the caller owns: for calls that list, and answer only what the caller reaches.</summary>
    public static Resource Own { get; } = new() { Text = "this list" };

    /// <summary>The whole installation.</summary>
    public static Resource Instance { get; } = new() { Text = "this server's settings" };

    public static Resource Of(string id, Project? project) => new()
    {
        Text = $"project \"{id}\"",
        Exists = project is not null,
        OrganizationId = project?.OrganizationId,
        ProjectId = project?.Id,
    };

    public static Resource Of(string id, Build? build) => new()
    {
        Text = $"build \"{id}\"",
        Exists = build is not null,
        OrganizationId = build?.OrganizationId,
        ProjectId = build?.ProjectId,
        BuildId = build?.Id,
        IsUntrusted = build?.Untrusted == true,
    };

    public static Resource Of(ImageRepository repository, Project? project) => new()
    {
        Text = $"repository \"{repository.Name}\"",
        Exists = project is not null,
        OrganizationId = project?.OrganizationId,
        ProjectId = project?.Id,
        IsUntrusted = repository.IsUntrusted,
    };

    public static Resource Of(string id, Organization? organization) => new()
    {
        Text = $"organization \"{id}\"",
        Exists = organization is not null,
        OrganizationId = organization?.Id,
    };

    public static Resource Builder(string id) => new() { Text = $"builder \"{id}\"", BuilderId = id };
}
