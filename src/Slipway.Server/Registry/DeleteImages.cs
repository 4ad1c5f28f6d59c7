using Slipway.Contract.Connect;
using Slipway.Server.Access;
using Slipway.Server.Audit;
using Slipway.Server.Projects;
using Slipway.Server.Storage;

namespace Slipway.Server.Registry;

/// <summary>Takes names of saved images away. Their bytes go when the operator next collects the registry's garbage.</summary>
internal sealed class DeleteImages(ProjectStore projects, RegistryApi registry, AuditStore audit, TimeProvider clock)
{
    private const int TagsMax = 1000;

    public async Task HandleAsync(string projectId, IReadOnlyList<string> tags, Caller caller, CancellationToken cancellation)
    {
        var project = projects.Find(projectId);
        AccessControl.Authorize(caller, CallerAction.DeleteImages, Resource.Of(projectId, project));
        if (tags.Count is 0 or > TagsMax)
        {
            throw new ApiException(ConnectCode.InvalidArgument, $"{tags.Count} tags are named", $"name 1 to {TagsMax}");
        }

        // All of them are looked at before one goes: a misspelt one must not leave half a job behind.
        var named = tags.Distinct(StringComparer.Ordinal).Select(tag => SavedTag.Parse(projectId, tag)).ToList();
        await RefuseAbsentAsync(projectId, named, cancellation);
        foreach (var tag in named)
        {
            await registry.UntagAsync(tag.Repository, tag.Tag, cancellation);
            var record = AuditEntry.By(caller, "image.delete", $"image {tag.Text}", clock.Now()) with { OrganizationId = project!.OrganizationId, ProjectId = projectId };
            await audit.AppendAsync([record], cancellation);
        }
    }

    private async Task RefuseAbsentAsync(string projectId, List<SavedTag> named, CancellationToken cancellation)
    {
        var absent = new List<string>();
        foreach (var tags in named.GroupBy(tag => tag.Repository))
        {
            var known = (await registry.ListTagsAsync(tags.Key, cancellation)).ToHashSet(StringComparer.Ordinal);
            absent.AddRange(tags.Where(tag => !known.Contains(tag.Tag)).Select(tag => tag.Text));
        }

        if (absent.Count > 0)
        {
            throw new ApiException(
                ConnectCode.InvalidArgument, $"project {projectId} has no saved image {string.Join(", ", absent.Take(10))}", "`depot image list` shows those that it has; none was removed");
        }
    }
}
