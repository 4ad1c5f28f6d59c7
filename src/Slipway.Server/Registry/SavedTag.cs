namespace Slipway.Server.Registry;

/// <summary>One name in a project's repositories.</summary>
/// <param name="PushedAt">When the build that saved it ended, in Unix milliseconds; null for what was pushed by other ways.</param>
internal sealed record SavedTag(ImageRepository Repository, string Tag, long? PushedAt)
{
    /// <summary>As people call it: a tag of the project's own repository by itself, one of untrusted builds with its repository.</summary>
    public string Text => Repository.IsUntrusted ? $"{Repository.Name}:{Tag}" : Tag;

    /// <summary>What is meant by such a text, of this project.</summary>
    public static SavedTag Parse(string projectId, string text)
    {
        var apart = ImageRepository.AllOf(projectId).FirstOrDefault(repository => text.StartsWith(repository.Name + ":", StringComparison.Ordinal));
        return apart.Name is null
            ? new SavedTag(new ImageRepository(projectId), text, null)
            : new SavedTag(apart, text[(apart.Name.Length + 1)..], null);
    }
}
