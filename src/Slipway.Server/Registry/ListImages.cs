using Slipway.Contract.Depot.Build.V1;
using Slipway.Server.Access;
using Slipway.Server.Builds;
using Slipway.Server.Connect;
using Slipway.Server.Projects;
using Slipway.Server.Storage;

namespace Slipway.Server.Registry;

/// <summary>A project's saved images, newest first. The registry says which there are; the builds' records say since when.</summary>
internal sealed class ListImages(ProjectStore projects, BuildStore builds, RegistryApi registry)
{
    private const int PageDefault = 100;
    private const int PageMax = 1000;
    private const int QuestionsMax = 8;

    public async Task<ListImagesResponse> HandleAsync(string projectId, int pageSize, string pageToken, Caller caller, CancellationToken cancellation)
    {
        AccessControl.Authorize(caller, CallerAction.ReadImages, Resource.Of(projectId, projects.Find(projectId)));
        var size = pageSize <= 0 ? PageDefault : Math.Min(pageSize, PageMax);
        var all = await TagsAsync(projectId, cancellation);
        var after = PageToken.Read(pageToken);
        var start = after.Length == 0 ? 0 : all.FindIndex(tag => tag.Text == after) + 1;
        var page = all.Skip(start).Take(size).ToList();
        var response = new ListImagesResponse();
        response.Images.AddRange((await DescribeAsync(page, cancellation)).OfType<Image>());
        if (start + page.Count < all.Count)
        {
            response.NextPageToken = PageToken.Write(page[^1].Text);
        }

        return response;
    }

    private async Task<List<SavedTag>> TagsAsync(string projectId, CancellationToken cancellation)
    {
        var saved = builds.ListSaved(projectId);
        var all = new List<SavedTag>();
        foreach (var repository in ImageRepository.AllOf(projectId))
        {
            var times = Times(saved.Where(build => ImageRepository.Of(build) == repository));
            all.AddRange((await registry.ListTagsAsync(repository, cancellation))
                .Select(tag => new SavedTag(repository, tag, times.TryGetValue(tag, out var time) ? time : null)));
        }

        return [.. all.OrderByDescending(tag => tag.PushedAt ?? 0).ThenBy(tag => tag.Text, StringComparer.Ordinal)];
    }

    /// <summary>The newest build of each name counts; a bake's names have its targets' behind them.</summary>
    private static Dictionary<string, long> Times(IEnumerable<Build> newestFirst)
    {
        var times = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var build in newestFirst)
        {
            foreach (var tag in SavedImages.NamesOf(build))
            {
                times.TryAdd(tag, build.FinishedAt ?? build.CreatedAt);
            }
        }

        return times;
    }

    private async Task<Image?[]> DescribeAsync(List<SavedTag> tags, CancellationToken cancellation)
    {
        var images = new Image?[tags.Count];
        await Parallel.ForAsync(0, tags.Count, new ParallelOptions { MaxDegreeOfParallelism = QuestionsMax, CancellationToken = cancellation }, async (i, stop) =>
        {
            // Deleted in between: then it is not listed.
            if (await registry.FindAsync(tags[i].Repository, tags[i].Tag, stop) is { } found)
            {
                images[i] = new Image { Tag = tags[i].Text, Digest = found.Digest, SizeBytes = found.Size, PushedAt = tags[i].PushedAt.ToWire() };
            }
        });
        return images;
    }
}
