namespace Slipway.Bake.Compose;

/// <summary>The names that Compose gives to images of services without <c>image</c>: the project's and the service's.</summary>
/// <remarks>The project is called as the environment says, else as the files say, else as the first file's folder.</remarks>
internal sealed class ImageNames(ComposeLoader loader, YamlMap model, string firstFile)
{
    private readonly string _project = Fitting(
        loader.GivenProjectName is { Length: > 0 } given ? given
        : model.Find("name") is YamlText { Text.Length: > 0 } named ? named.Text
        : Path.GetFileName(Path.GetDirectoryName(Path.GetFullPath(firstFile, loader.WorkingFolder))) ?? "");

    /// <summary>What Compose's first version had between the two.</summary>
    private readonly char _separator = loader.Variable("COMPOSE_COMPATIBILITY") is "1" or "t" or "T" or "true" or "TRUE" or "True" ? '_' : '-';

    /// <summary>Null where nothing is left of the project's name that an image's could begin with.</summary>
    public string? Of(string service) => _project.Length > 0 ? $"{_project}{_separator}{service}" : null;

    private static string Fitting(string name) =>
        string.Concat(name.ToLowerInvariant().Where(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-')).TrimStart('_', '-');
}
