using Slipway.Contract.Depot.Cli.V1;

namespace Depot.Cli.ControlPlane;

/// <summary>The server's record of one build: opened before a builder is asked for, closed with how the build ended.</summary>
internal sealed class BuildRecord
{
    private readonly BuildApi _api;
    private bool _finished;

    private BuildRecord(BuildApi api, CreateBuildResponse created)
    {
        _api = api;
        Id = created.BuildId;
        Token = Credentials.Of(created.BuildToken, "this build");
        Url = created.BuildUrl;
        ProjectId = created.ProjectId;
        IsUntrusted = created.Untrusted;
        RegistryLogins = created.AdditionalCredentials;
        SavedNames = [.. created.AdditionalTags.Select(tag => tag.Tag_)];
    }

    public string Id { get; }

    /// <summary>Good for this build's calls only.</summary>
    public Credentials Token { get; }

    /// <summary>The build's page; empty when the server has none.</summary>
    public string Url { get; }

    /// <summary>The project that the server chose, which need not be the one asked for.</summary>
    public string ProjectId { get; }

    /// <summary>Whether the build runs apart from the project's own: anybody may have written it.</summary>
    public bool IsUntrusted { get; }

    /// <summary>Registry logins that come with this build.</summary>
    public IReadOnlyList<CreateBuildResponse.Types.Credential> RegistryLogins { get; }

    /// <summary>Under which names the server wants the image saved; empty for a build that is not.</summary>
    public IReadOnlyList<string> SavedNames { get; }

    public static async Task<BuildRecord> OpenAsync(BuildApi api, Credentials credentials, CreateBuildRequest request, CancellationToken cancellation)
    {
        try
        {
            return new BuildRecord(api, await api.CreateBuildAsync(request, credentials, cancellation));
        }
        catch (ApiException problem) when (problem.Code == "not_found" && request.ProjectId.Length == 0)
        {
            throw new CliException("missing project ID; please run `depot init` or `depot build --project <id>`", inner: problem)
            {
                Remedy = await ProjectsOfAsync(api, credentials, cancellation),
            };
        }
    }

    public Task SucceedAsync(CancellationToken cancellation) =>
        FinishAsync(new FinishBuildRequest { Success = new() }, cancellation);

    public Task FailAsync(string error, CancellationToken cancellation) =>
        FinishAsync(new FinishBuildRequest { Error = new() { Error = error } }, cancellation);

    public Task CancelAsync(CancellationToken cancellation) =>
        FinishAsync(new FinishBuildRequest { Canceled = new() }, cancellation);

    /// <summary>The first end counts; the server would refuse a second one.</summary>
    private async Task FinishAsync(FinishBuildRequest request, CancellationToken cancellation)
    {
        if (_finished)
        {
            return;
        }

        _finished = true;
        request.BuildId = Id;
        await _api.FinishBuildAsync(request, Token, cancellation);
    }

    /// <summary>Which projects there are to choose from; a courtesy that must not hide the first error.</summary>
    private static async Task<string?> ProjectsOfAsync(BuildApi api, Credentials credentials, CancellationToken cancellation)
    {
        try
        {
            var projects = (await api.ListProjectsAsync(credentials, cancellation)).Projects;
            return projects.Count == 0
                ? "There are no projects yet; create one first."
                : $"Your projects: {string.Join(", ", projects.Take(20).Select(project => $"{project.Id} ({project.Name})"))}";
        }
        catch (ApiException)
        {
            return null;
        }
    }
}
