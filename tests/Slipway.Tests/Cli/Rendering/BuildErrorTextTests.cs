using System.Text;
using CsCheck;
using Depot.Cli.Rendering;
using Slipway.BuildKit.Control;
using Slipway.BuildKit.Grpc;
using Xunit;

namespace Slipway.Tests.Cli.Rendering;

public sealed class BuildErrorTextTests
{
    private const string Dockerfile = "FROM scratch\nCOPY busybox /bin/busybox\nCOPY busybox /bin/sh\nRUN one; \\\n    exit 3\nRUN echo never\n";

    // As docker buildx build prints it for the same file and failure.
    [Fact]
    public void A_failed_step_is_shown_in_its_Dockerfile() => Assert.Equal(
        """
        Dockerfile:4
        --------------------
           3 |     COPY busybox /bin/sh
           4 | >>> RUN one; \
           5 | >>>     exit 3
           6 |     RUN echo never
        --------------------
        ERROR: failed to build: failed to solve: process "/bin/sh -c one;     exit 3" did not complete successfully: exit code: 3

        """,
        BuildErrorText.Format(Error("process \"/bin/sh -c one;     exit 3\" did not complete successfully: exit code: 3", new SourceLines(4, 5))));

    [Theory]
    [InlineData(1, 1, 1, 3)]
    [InlineData(2, 2, 1, 4)]
    [InlineData(3, 3, 1, 5)]
    [InlineData(6, 6, 4, 7)]
    [InlineData(7, 7, 5, 7)]
    [InlineData(2, 3, 1, 4)]
    [InlineData(6, 99, 5, 7)]
    public void The_excerpt_has_lines_around_the_marked_ones(int first, int last, int from, int to)
    {
        var lines = Excerpt(new LineRange(first, last)).Split('\n')[2..^2];

        Assert.Equal((from, to), (Number(lines[0]), Number(lines[^1])));
        Assert.Equal(Enumerable.Range(first, Math.Min(last, 7) - first + 1), lines.Where(line => line.Contains(">>>", StringComparison.Ordinal)).Select(Number));
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(8, 9)]
    [InlineData(-5, 2)]
    public void A_place_outside_the_file_shows_nothing(int first, int last) => Assert.Equal("", Excerpt(new LineRange(first, last)));

    [Fact]
    public void Any_ranges_are_survived() =>
        Gen.Select(Gen.Int[-2, 12], Gen.Int[-2, 12]).Array[0, 4].Sample(ranges => _ = SourceExcerpt.Format("f", Encoding.UTF8.GetBytes(Dockerfile), [.. ranges.Select(range => new LineRange(range.Item1, range.Item2))]));

    [Theory]
    [InlineData(GrpcStatusCode.Unknown, "x", "failed to build: failed to solve: x")]
    [InlineData(GrpcStatusCode.Cancelled, "context canceled", "failed to build: failed to solve: Canceled: context canceled")]
    [InlineData(GrpcStatusCode.ResourceExhausted, "x", "failed to build: failed to solve: ResourceExhausted: x")]
    [InlineData(GrpcStatusCode.Unknown, "failed to compute cache key: failed to calculate checksum of ref abc::def: \"/nothere\": not found", "failed to build: \"/nothere\": not found. Please check if the files exist in the context.")]
    [InlineData(GrpcStatusCode.Unknown, "failed to calculate checksum of ref abc: odd", "failed to build: failed to solve: failed to calculate checksum of ref abc: odd. Please check if the files exist in the context.")]
    [InlineData(GrpcStatusCode.Internal, "header key \"exclude-patterns\" contains value with non-printable ASCII characters", "failed to build: failed to solve: Internal: header key \"exclude-patterns\" contains value with non-printable ASCII characters. Please check your .dockerignore file for invalid characters.")]
    public void A_failure_is_one_line(GrpcStatusCode code, string message, string line) =>
        Assert.Equal(line, BuildErrorText.Message(new EngineError { Code = code, Message = message }));

    [Theory]
    [InlineData("contexts", "current frontend does not support --build-context.")]
    [InlineData("gitquerystring", "current frontend does not support Git URLs with query string components.")]
    public void An_old_frontend_is_told_what_to_do(string capability, string start) => Assert.StartsWith(
        $"failed to build: {start}",
        BuildErrorText.Message(new EngineError { Code = GrpcStatusCode.Unimplemented, Message = $"unsupported frontend capability moby.buildkit.frontend.{capability}" }));

    private static EngineError Error(string message, params SourceLines[] lines) => new()
    {
        Message = message,
        Code = GrpcStatusCode.Unknown,
        Sources = [new ErrorSource("Dockerfile", Encoding.UTF8.GetBytes(Dockerfile), lines)],
    };

    private static string Excerpt(LineRange range) => SourceExcerpt.Format("Dockerfile", Encoding.UTF8.GetBytes(Dockerfile), [range]);

    private static int Number(string line) => int.Parse(line[..4]);
}
