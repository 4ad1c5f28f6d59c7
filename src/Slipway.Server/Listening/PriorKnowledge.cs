using System.Buffers;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Slipway.Server.Listening;

/// <summary>Lets one cleartext port speak HTTP/1.1 and HTTP/2 with prior knowledge: the client's first bytes tell which.</summary>
/// <remarks>
/// An HTTP/2 client begins with the 24 bytes of RFC 9113 §3.4; no HTTP/1.1 request can. Kestrel chooses HTTP/1.1 for every
/// cleartext connection of a port that has both, and HTTP/2 only where TLS has agreed on it; so a connection that began with the
/// preface is given the agreement that TLS would have given. <c>KestrelServerOptions.AllowAlternateSchemes</c> goes with it:
/// such a client says <c>:scheme http</c>, and is believed.
/// </remarks>
internal static class PriorKnowledge
{
    /// <summary>Longer than anybody needs for 24 bytes, shorter than an attacker likes.</summary>
    private static readonly TimeSpan PrefaceTimeout = TimeSpan.FromSeconds(30);

    private static ReadOnlySpan<byte> Preface => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8;

    public static void UsePriorKnowledge(this ListenOptions listen, TimeProvider clock, TimeSpan? timeout = null) =>
        listen.Use(next => async connection =>
        {
            if (await BeginsWithPrefaceAsync(connection, clock, timeout ?? PrefaceTimeout) is not { } isHttp2)
            {
                connection.Abort(new ConnectionAbortedException("The client sent nothing that tells its protocol."));
                return;
            }

            if (isHttp2)
            {
                connection.Features.Set<ITlsConnectionFeature>(Agreement.Instance);
                connection.Features.Set<ITlsApplicationProtocolFeature>(Agreement.Instance);
            }

            await next(connection);
        });

    /// <summary>Looks at the first bytes and leaves them in place; null when too few came in time.</summary>
    private static async Task<bool?> BeginsWithPrefaceAsync(ConnectionContext connection, TimeProvider clock, TimeSpan timeout)
    {
        using var patience = new CancellationTokenSource(timeout, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, connection.ConnectionClosed);
        var input = connection.Transport.Input;
        try
        {
            while (true)
            {
                var read = await input.ReadAsync(either.Token);
                var verdict = Compare(read.Buffer);

                // Examined to the end while undecided, so that the next read waits for more; else nothing is examined or consumed.
                input.AdvanceTo(read.Buffer.Start, verdict is null ? read.Buffer.End : read.Buffer.Start);
                if (verdict is not null || read.IsCompleted)
                {
                    return verdict;
                }
            }
        }
        catch (Exception failure) when (failure is OperationCanceledException or IOException or InvalidOperationException)
        {
            return null;
        }
    }

    private static bool? Compare(ReadOnlySequence<byte> begin)
    {
        Span<byte> first = stackalloc byte[Preface.Length];
        var length = (int)Math.Min(begin.Length, first.Length);
        begin.Slice(0, length).CopyTo(first);
        if (!Preface.StartsWith(first[..length]))
        {
            return false;
        }

        return length == Preface.Length ? true : null;
    }

    /// <summary>"ALPN agreed on h2", for a connection without TLS.</summary>
    private sealed class Agreement : ITlsConnectionFeature, ITlsApplicationProtocolFeature
    {
        public static readonly Agreement Instance = new();

        private static readonly byte[] H2 = "h2"u8.ToArray();

        public X509Certificate2? ClientCertificate
        {
            get => null;
            set => throw new NotSupportedException();
        }

        public ReadOnlyMemory<byte> ApplicationProtocol => H2;

        public Task<X509Certificate2?> GetClientCertificateAsync(CancellationToken cancellationToken) =>
            Task.FromResult<X509Certificate2?>(null);
    }
}
