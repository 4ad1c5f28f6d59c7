using System.Net;
using Slipway.Contract.Fleet;

namespace Slipway.Builder.ControlPlane;

/// <summary>Puts the builder's proof on every call to the server, dated by the server's own clock.</summary>
/// <remarks>A machine whose clock is wrong would else be locked out. The server's answers say what time it is there (RFC 9110 §6.6.1);
/// one is asked for before the first proof.</remarks>
internal sealed class ProvingHandler(TimeProvider clock, Func<SocketsHttpHandler> sockets) : DelegatingHandler(sockets())
{
    /// <summary>Less is the network's and the second that the Date header counts in.</summary>
    private static readonly TimeSpan OffsetMin = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan AskWithin = TimeSpan.FromSeconds(5);

    private long _offset;
    private bool _knowsTime;
    private BuilderIdentity? _identity;

    /// <summary>Null until the builder has one; replaced at each renewal.</summary>
    public BuilderIdentity? Identity
    {
        get => Volatile.Read(ref _identity);
        set => Volatile.Write(ref _identity, value);
    }

    /// <summary>What the server's clock shows, as far as is known.</summary>
    public DateTimeOffset Now => clock.GetUtcNow() + TimeSpan.FromTicks(Volatile.Read(ref _offset));

    /// <summary>Asks the server for the time; does nothing when it cannot be reached.</summary>
    public async Task LearnTimeAsync(Uri server, CancellationToken cancellation)
    {
        using var limit = new CancellationTokenSource(AskWithin, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, limit.Token);
        using var question = new HttpRequestMessage(HttpMethod.Get, new Uri(server, "/healthz"))
        {
            Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };

        // A connection of its own: gRPC's channel makes the calls' connections for calls only.
        using var own = new HttpMessageInvoker(sockets());
        try
        {
            using var answer = await own.SendAsync(question, either.Token);
            Learn(answer);
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException && !cancellation.IsCancellationRequested)
        {
            // The call that wanted to know will say what is wrong with the connection.
        }
    }

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (Identity is { } identity && request.Headers.Authorization is null && !request.Headers.Contains(BuilderProof.Header))
        {
            if (!Volatile.Read(ref _knowsTime))
            {
                await LearnTimeAsync(request.RequestUri!, cancellationToken);
            }

            request.Headers.Add(BuilderProof.Header, BuilderProof.Create(identity.Certificate, request.RequestUri!.AbsolutePath, Now));
        }

        var response = await base.SendAsync(request, cancellationToken);
        Learn(response);
        return response;
    }

    private void Learn(HttpResponseMessage response)
    {
        if (response.Headers.Date is { } date)
        {
            var offset = date - clock.GetUtcNow();
            Volatile.Write(ref _offset, offset.Duration() < OffsetMin ? 0 : offset.Ticks);
            Volatile.Write(ref _knowsTime, true);
        }
    }
}
