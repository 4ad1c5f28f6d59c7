using System.Globalization;
using System.Text;
using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Session;

namespace Slipway.BuildKit.FileSync;

/// <summary>Offers local folders to the engine: <c>moby.filesync.v1.FileSync</c>.</summary>
/// <param name="folders">The folders by the names under which the engine asks for them (<c>context</c>, <c>dockerfile</c>, named contexts). Nothing else can be read.</param>
/// <param name="watch">Called with the folder's name when a transfer begins; what it returns follows the transfer.</param>
public sealed class FileSyncProvider(
    IReadOnlyDictionary<string, string> folders, Func<string, TransferWatch>? watch = null, FileTimes times = FileTimes.OfFiles) : IAttachable
{
    public const string DiffCopyMethod = "/moby.filesync.v1.FileSync/DiffCopy";

    // Advertised because upstream advertises it; no released engine calls it.
    public const string TarStreamMethod = "/moby.filesync.v1.FileSync/TarStream";

    private Dictionary<string, GrpcHandler>? _methods;

    public IReadOnlyDictionary<string, GrpcHandler> Methods => _methods ??= new(StringComparer.Ordinal)
    {
        [DiffCopyMethod] = DiffCopyAsync,
        [TarStreamMethod] = static (_, _) => throw new GrpcStatusException(GrpcStatusCode.Unimplemented, "method TarStream is not implemented"),
    };

    private Task DiffCopyAsync(GrpcServerCall call, CancellationToken cancellation) => SendAsync(call, cancellation);

    internal async Task SendAsync(IGrpcStream call, CancellationToken cancellation)
    {
        var request = FileSyncRequest.Read(call.RequestHeaders);
        if (!folders.TryGetValue(request.FolderName, out var folder))
        {
            throw new GrpcStatusException(GrpcStatusCode.NotFound, $"no access allowed to dir \"{request.FolderName}\"");
        }

        using var root = Open(folder);
        var filter = Filter(root, request);
        await new FileSender(call, root, filter, watch?.Invoke(request.FolderName), times).RunAsync(cancellation);
    }

    private static RootFolder Open(string folder)
    {
        try
        {
            return RootFolder.Open(folder);
        }
        catch (IOException failure)
        {
            throw new GrpcStatusException(GrpcStatusCode.Unknown, failure.Message, inner: failure);
        }
    }

    private static WalkFilter Filter(RootFolder root, FileSyncRequest request)
    {
        try
        {
            var include = new List<byte[]>(request.IncludePatterns);
            if (request.FollowPaths.Count > 0 && FollowPaths.Resolve(root, request.FollowPaths) is { } followed)
            {
                include.AddRange(followed);
                include = FollowPaths.WithoutSubPaths(include) ?? [];
            }

            return new WalkFilter(Patterns(include), Patterns(request.ExcludePatterns));
        }
        catch (FormatException malformed)
        {
            throw new GrpcStatusException(GrpcStatusCode.InvalidArgument, malformed.Message, inner: malformed);
        }
        catch (IOException failure)
        {
            throw new GrpcStatusException(GrpcStatusCode.Unknown, failure.Message, inner: failure);
        }
    }

    private static IgnorePatterns Patterns(IEnumerable<byte[]> patterns) => new(patterns.Select(static pattern => new ReadOnlyMemory<byte>(pattern)));
}

/// <summary>What the engine asks of one folder.</summary>
/// <remarks>
/// Request metadata; every key but the first may repeat:
/// <code>
/// dir-name          the folder's name
/// include-patterns  what to send; none given: everything
/// exclude-patterns  what to leave out
/// followpaths       paths that become include patterns, with what their links point to
/// (key)-encoded     "1": every value of that key is escaped as Go's url.QueryEscape does it, because one was not ASCII
/// </code>
/// </remarks>
internal sealed record FileSyncRequest(
    string FolderName, IReadOnlyList<byte[]> IncludePatterns, IReadOnlyList<byte[]> ExcludePatterns, IReadOnlyList<byte[]> FollowPaths)
{
    public static FileSyncRequest Read(Metadata headers)
    {
        var names = Values(headers, "dir-name");
        return new FileSyncRequest(
            names.Count == 0 ? "" : Encoding.UTF8.GetString(names[0]),
            Values(headers, "include-patterns"),
            Values(headers, "exclude-patterns"),
            Values(headers, "followpaths"));
    }

    private static List<byte[]> Values(Metadata headers, string key)
    {
        var isEscaped = headers.First(key + "-encoded") is "1" or "t" or "T" or "true" or "TRUE" or "True";
        var values = new List<byte[]>();
        foreach (var value in headers.All(key))
        {
            values.Add(isEscaped ? Unescape(value) : Encoding.Latin1.GetBytes(value));
        }

        return values;
    }

    /// <summary>Percent escapes, and <c>+</c> for a space. A broken escape makes the value empty, as Go's error result is.</summary>
    private static byte[] Unescape(string value)
    {
        var bytes = new List<byte>(value.Length);
        for (var i = 0; i < value.Length; i++)
        {
            if (value[i] != '%')
            {
                bytes.Add(value[i] == '+' ? (byte)' ' : (byte)value[i]);
            }
            else if (i + 2 < value.Length
                && byte.TryParse(value.AsSpan(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var escaped))
            {
                bytes.Add(escaped);
                i += 2;
            }
            else
            {
                return [];
            }
        }

        return [.. bytes];
    }
}
