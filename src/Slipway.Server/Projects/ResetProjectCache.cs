using Slipway.Contract.Connect;
using Slipway.Server.Access;
using Slipway.Server.Audit;
using Slipway.Server.Builders;
using Slipway.Server.Storage;

namespace Slipway.Server.Projects;

/// <summary>Throws a project's cache away on every builder that has one: now where the builder is connected, else when it comes back.</summary>
internal sealed class ResetProjectCache(ProjectStore projects, BuilderStore builders, Fleet fleet, TimeProvider clock)
{
    private static readonly TimeSpan AnswerWait = TimeSpan.FromSeconds(8);

    public async Task<Project> HandleAsync(string id, Caller caller, CancellationToken cancellation)
    {
        var project = projects.Find(id);
        AccessControl.Authorize(caller, CallerAction.ResetCache, Resource.Of(id, project));
        await AskAsync(project!, caller, cancellation);
        return project!;
    }

    private async Task AskAsync(Project project, Caller caller, CancellationToken cancellation)
    {
        var record = AuditEntry.By(caller, "cache.reset", $"project {project.Id}", clock.Now()) with
        {
            OrganizationId = project.OrganizationId,
            ProjectId = project.Id,
            Detail = project.Name,
        };
        var holders = await builders.AskCacheResetAsync(project.Id, record, cancellation);
        var asked = holders.Select(holder => fleet.ResetCache(holder.BuilderId, holder.ProjectId)).OfType<Task<string>>().ToList();
        string[] errors;
        try
        {
            errors = await Task.WhenAll(asked).WaitAsync(AnswerWait, cancellation);
        }
        catch (TimeoutException)
        {
            // The wish is on the disk, and the builder is at it: running builds keep their cache until they are done.
            return;
        }

        if (errors.FirstOrDefault(error => error.Length > 0) is { } error)
        {
            throw new ApiException(ConnectCode.FailedPrecondition, $"the cache of project \"{project.Id}\" was not reset: {error}");
        }
    }
}
