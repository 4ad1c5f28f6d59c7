using System.Globalization;
using Slipway.Contract.Connect;
using Slipway.Server.Connect;

namespace Slipway.Server.Builds;

/// <summary>Builds of a project or an organization, newest first, page by page.</summary>
internal sealed class ListBuilds(BuildStore builds)
{
    private const int PageDefault = 100;
    private const int PageMax = 1000;

    public (IReadOnlyList<Build> Builds, string NextPageToken) Page(BuildFilter filter, int pageSize, string pageToken)
    {
        if (pageSize < 0)
        {
            throw new ApiException(ConnectCode.InvalidArgument, $"the page size is {pageSize}", "ask for 1 to 1000 builds");
        }

        var size = pageSize == 0 ? PageDefault : Math.Min(pageSize, PageMax);

        // One more than asked tells whether there is a next page.
        var found = builds.List(filter, Read(pageToken), size + 1);
        return found.Count <= size
            ? (found, "")
            : ([.. found.Take(size)], Write(found[size - 1]));
    }

    private static string Write(Build last) => PageToken.Write(FormattableString.Invariant($"{last.CreatedAt}:{last.Id}"));

    private static (long, string)? Read(string pageToken) => pageToken.Length == 0 ? null
        : PageToken.Read(pageToken).Split(':') is [var createdAt, var id] && long.TryParse(createdAt, CultureInfo.InvariantCulture, out var at) ? (at, id)
        : throw PageToken.Unknown();
}
