using Slipway.BuildKit.Grpc;

namespace Depot.Cli.Build;

/// <summary>Puts a failed Solve into buildx's words and exit codes.</summary>
internal static class SolveFailure
{
    public static CliException Explain(GrpcStatusException problem, string builder)
    {
        if (!problem.FromPeer)
        {
            return new CliException($"failed to build: lost the connection to the builder at {builder}: {problem.Message}", inner: problem)
            {
                Remedy = "The build is lost; run it again. What it had finished is in the cache.",
            };
        }

        var code = problem.Code switch
        {
            GrpcStatusCode.Internal => ExitCode.BuilderFault,
            GrpcStatusCode.ResourceExhausted => ExitCode.BuilderExhausted,
            GrpcStatusCode.Cancelled => ExitCode.Interrupted,
            _ => ExitCode.Failed,
        };
        return new CliException($"failed to build: {Text(problem)}", code, problem) { Excerpt = null };
    }

    private static string Text(GrpcStatusException problem)
    {
        const string refused = "unsupported frontend capability moby.buildkit.frontend.";
        if (problem.Code == GrpcStatusCode.Unimplemented && problem.Message.Contains(refused + "contexts", StringComparison.Ordinal))
        {
            return "current frontend does not support --build-context. Named contexts are supported since Dockerfile v1.4. Use #syntax directive in Dockerfile or update to latest BuildKit.";
        }

        if (problem.Code == GrpcStatusCode.Unimplemented && problem.Message.Contains(refused + "gitquerystring", StringComparison.Ordinal))
        {
            return "current frontend does not support Git URLs with query string components. Git URLs with query string are supported since Dockerfile v1.18 and BuildKit v0.24."
                + " Use BUILDKIT_SYNTAX build-arg, #syntax directive in Dockerfile or update to latest BuildKit.";
        }

        var prefix = problem.Code is GrpcStatusCode.Ok or GrpcStatusCode.Unknown ? "" : $"{Name(problem.Code)}: ";
        return $"failed to solve: {prefix}{problem.Message}";
    }

    /// <summary>The code as Go prints it.</summary>
    private static string Name(GrpcStatusCode code) => code == GrpcStatusCode.Cancelled ? "Canceled" : code.ToString();
}
