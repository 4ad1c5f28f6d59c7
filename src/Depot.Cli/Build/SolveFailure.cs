using Depot.Cli.Registries;
using Depot.Cli.Rendering;
using Slipway.BuildKit.Control;
using Slipway.BuildKit.Grpc;

namespace Depot.Cli.Build;

/// <summary>Puts a failed Solve into buildx's words and exit codes.</summary>
internal static class SolveFailure
{
    /// <param name="remedyOf">What to do about an engine's error, where that is known.</param>
    public static async Task<CliException> ExplainAsync(GrpcStatusException problem, string builder, Func<EngineError, Task<string?>> remedyOf)
    {
        if (!problem.FromPeer)
        {
            return new CliException($"failed to build: lost the connection to the builder at {builder}: {problem.Message}", inner: problem)
            {
                Remedy = "The build is lost; run it again. What it had finished is in the cache.",
            };
        }

        var error = EngineError.From(problem);
        var code = problem.Code switch
        {
            GrpcStatusCode.Internal => ExitCode.BuilderFault,
            GrpcStatusCode.ResourceExhausted => ExitCode.BuilderExhausted,
            GrpcStatusCode.Cancelled => ExitCode.Interrupted,
            _ => ExitCode.Failed,
        };
        return new CliException(BuildErrorText.Message(error), code, problem)
        {
            Excerpt = BuildErrorText.Excerpts(error),
            Remedy = PushRefusal.RemedyFor(error.Message) ?? RegistryOutOfReach.RemedyFor(error.Message) ?? await remedyOf(error),
        };
    }
}
