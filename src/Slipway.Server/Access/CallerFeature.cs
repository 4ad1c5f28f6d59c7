using Grpc.Core;

namespace Slipway.Server.Access;

/// <summary>Carries the <see cref="Access.Caller"/> from the connection's edge to the call's handler.</summary>
internal static class CallerFeature
{
    private const string Key = "slipway.caller";

    /// <summary>Where a request came from, without its port.</summary>
    public static string Address(this HttpContext http)
    {
        var address = http.Connection.RemoteIpAddress;
        return (address?.IsIPv4MappedToIPv6 == true ? address.MapToIPv4() : address)?.ToString() ?? "";
    }

    public static void SetCaller(this HttpContext http, Caller caller) => http.Items[Key] = caller;

    public static Caller Caller(this HttpContext http) =>
        http.Items.TryGetValue(Key, out var caller) ? (Caller)caller! : Access.Caller.Refused("no token was sent; set DEPOT_TOKEN");

    /// <summary>For calls that come over the network, and for those of <see cref="Admin.LocalCallInvoker"/> that do not.</summary>
    public static Caller Caller(this ServerCallContext call) =>
        call.UserState.TryGetValue(Key, out var caller) ? (Caller)caller : call.GetHttpContext().Caller();

    public static void SetCaller(this ServerCallContext call, Caller caller) => call.UserState[Key] = caller;
}
