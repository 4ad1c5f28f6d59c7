using System.Text;
using Slipway.BuildKit.Control;
using Slipway.BuildKit.Grpc;

namespace Depot.Cli.Rendering;

/// <summary>What is printed after a build that BuildKit refused or failed: where in the Dockerfile, and why.</summary>
internal static class BuildErrorText
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

        return message.Contains("failed to calculate checksum of ref", StringComparison.Ordinal)
            ? $"{WithoutChecksumIds(message)}. Please check if the files exist in the context."
            : message;
    }

    /// <summary>Leaves out the words about two ids (<c>… of ref ID::ID:</c>) before a missing file's name, which say nothing to the reader.</summary>
    private static string WithoutChecksumIds(string message)
    {
        const string words = "failed to solve: failed to compute cache key: failed to calculate checksum of ref ";
        var start = message.IndexOf(words, StringComparison.Ordinal);
        var middle = start < 0 ? -1 : message.IndexOf("::", start + words.Length, StringComparison.Ordinal);
        var end = middle < 0 ? -1 : message.IndexOf(':', middle + 2);
        return end < 0 ? message : $"{message[..start]}{message[(end + 1)..].TrimStart()}";
    }

    /// <summary>The code as Go prints it.</summary>
    private static string CodeName(GrpcStatusCode code) => code == GrpcStatusCode.Cancelled ? "Canceled" : code.ToString();
}
