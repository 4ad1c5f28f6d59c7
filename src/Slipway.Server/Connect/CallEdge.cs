using System.Globalization;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Slipway.Contract;
using Slipway.Contract.Depot.Cli.V1;
using Slipway.Server.Access;
using Slipway.Server.Builders;

namespace Slipway.Server.Connect;

/// <summary>What happens to every call before anybody reads its body: who calls, how long it may take, how slow it may be.</summary>
internal sealed class CallEdge(RequestDelegate next, TokenAuthentication authentication, BuilderAuthentication builders, TimeProvider clock)
{
    private const string LongPoll = $"/depot.cli.v1.BuildService/{nameof(BuildService.BuildServiceBase.GetBuildKitConnection)}";

    public async Task InvokeAsync(HttpContext http)
    {
        // By the clock that judges proofs and certificates; builders date theirs by it.
        http.Response.Headers.Date = clock.GetUtcNow().ToString("R", CultureInfo.InvariantCulture);
        if (RpcMethods.Find(http.Request.Path.Value ?? "") is not { } method)
        {
            await next(http);
            return;
        }

        var caller = builders.Identify(http) ?? await authentication.IdentifyAsync(http.Request.Headers.Authorization, http.Address(), http.RequestAborted);
        http.SetCaller(caller);
        if (!method.IsStream())
        {
            CapDeadline(http.Request.Headers, http.Request.Path == LongPoll ? Limits.LongPollDeadline : Limits.UnaryDeadline);
        }
        else if (caller.Kind != CallerKind.Anonymous)
        {
            LetItBeSlow(http);
        }

        await next(http);
    }

    // A deadline longer than the server's own is not believed; the shorter one wins.
    private static void CapDeadline(IHeaderDictionary headers, TimeSpan longest)
    {
        var grpc = ParseGrpc(headers["grpc-timeout"]);
        var connect = double.TryParse(headers["connect-timeout-ms"], CultureInfo.InvariantCulture, out var sent) ? sent : double.MaxValue;
        var milliseconds = (long)Math.Min(Math.Min(grpc, connect), longest.TotalMilliseconds);
        headers["connect-timeout-ms"] = milliseconds.ToString(CultureInfo.InvariantCulture);
        headers["grpc-timeout"] = FormattableString.Invariant($"{milliseconds}m");
    }

    // gRPC over HTTP/2, "Timeout": up to eight digits and a unit.
    private static double ParseGrpc(string? text)
    {
        if (text is not { Length: > 1 and <= 9 } || !double.TryParse(text.AsSpan(0, text.Length - 1), CultureInfo.InvariantCulture, out var value))
        {
            return double.MaxValue;
        }

        return text[^1] switch
        {
            'H' => value * 3_600_000,
            'M' => value * 60_000,
            'S' => value * 1000,
            'm' => value,
            'u' => value / 1000,
            'n' => value / 1_000_000,
            _ => double.MaxValue,
        };
    }

    // Kestrel aborts a body that pauses for five seconds; a build that compiles for minutes says nothing meanwhile.
    private static void LetItBeSlow(HttpContext http)
    {
        if (http.Features.Get<IHttpMinRequestBodyDataRateFeature>() is { } request)
        {
            request.MinDataRate = null;
        }

        // HTTP/2 responses share their connection's rate and have no setting of their own.
        if (HttpProtocol.IsHttp11(http.Request.Protocol) && http.Features.Get<IHttpMinResponseDataRateFeature>() is { } response)
        {
            response.MinDataRate = null;
        }

        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
        {
            size.MaxRequestBodySize = null;
        }
    }
}
