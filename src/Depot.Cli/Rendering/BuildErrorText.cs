using System.Text;
using System.Text.RegularExpressions;
using Slipway.BuildKit.Control;
using Slipway.BuildKit.Grpc;

namespace Depot.Cli.Rendering;

/// <summary>What is printed after a build that BuildKit refused or failed: where in the Dockerfile, and why.</summary>
internal static partial class BuildErrorText
{
    private const string RefusedCapability = "unsupported frontend capability moby.buildkit.frontend.";

    /// <summary>The source excerpts and the <c>ERROR:</c> line, with a line end.</summary>
    public static string Format(EngineError error) => $"{Excerpts(error)}ERROR: {Message(error)}\n";

    /// <summary>The marked lines of every source the error points into, innermost first; empty when there are none.</summary>
    public static string Excerpts(EngineError error)
    {
        var text = new StringBuilder();
        foreach (var source in error.Sources)
        {
            text.Append(SourceExcerpt.Format(source.File, source.Data.Span, [.. source.Ranges.Select(lines => new LineRange(lines.First, Math.Max(lines.First, lines.Last)))]));
        }

        return text.ToString();
    }

    /// <summary>The failure in one line, as buildx words it, without the <c>ERROR:</c> before it.</summary>
    public static string Message(EngineError error) => $"failed to build: {Friendly(error)}";

    private static string Friendly(EngineError error)
    {
        if (error.Code == GrpcStatusCode.Unimplemented && error.Message.Contains(RefusedCapability + "contexts", StringComparison.Ordinal))
        {
            return "current frontend does not support --build-context. Named contexts are supported since Dockerfile v1.4."
                + " Use #syntax directive in Dockerfile or update to latest BuildKit.";
        }

        if (error.Code == GrpcStatusCode.Unimplemented && error.Message.Contains(RefusedCapability + "gitquerystring", StringComparison.Ordinal))
        {
            return "current frontend does not support Git URLs with query string components."
                + " Git URLs with query string are supported since Dockerfile v1.18 and BuildKit v0.24."
                + " Use BUILDKIT_SYNTAX build-arg, #syntax directive in Dockerfile or update to latest BuildKit.";
        }

        var prefix = error.Code is GrpcStatusCode.Ok or GrpcStatusCode.Unknown ? "" : $"{CodeName(error.Code)}: ";
        var message = $"failed to solve: {prefix}{error.Message}";
        if (message.Contains("header key \"exclude-patterns\" contains value with non-printable ASCII characters", StringComparison.Ordinal))
        {
            return $"{message}. Please check your .dockerignore file for invalid characters.";
        }

        // The two ids in front of a missing file's name say nothing to the reader.
        return message.Contains("failed to calculate checksum of ref", StringComparison.Ordinal)
            ? $"{ChecksumPrefix().Replace(message, "").Trim()}. Please check if the files exist in the context."
            : message;
    }

    /// <summary>The code as Go prints it.</summary>
    private static string CodeName(GrpcStatusCode code) => code == GrpcStatusCode.Cancelled ? "Canceled" : code.ToString();

    [GeneratedRegex("failed to solve: failed to compute cache key: failed to calculate checksum of ref [^:]+::[^:]+:", RegexOptions.CultureInvariant)]
    private static partial Regex ChecksumPrefix();
}
