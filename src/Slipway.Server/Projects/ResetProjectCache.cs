using Slipway.Contract.Connect;
using Slipway.Server.Builders;

namespace Slipway.Server.Projects;

/// <summary>Throws a project's cache away on every builder that has one: now where the builder is connected, else when it comes back.</summary>
internal sealed class ResetProjectCache(BuilderStore builders, Fleet fleet)
{
    private static readonly TimeSpan AnswerWait = TimeSpan.FromSeconds(8);

    public async Task HandleAsync(Project project, CancellationToken cancellation)
    {
        var holders = await builders.AskCacheResetAsync(project.Id, cancellation);
        var asked = holders.Select(holder => fleet.ResetCache(holder, project.Id)).OfType<Task<string>>().ToList();
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
