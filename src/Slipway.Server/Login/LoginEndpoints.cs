using Grpc.Core;
using Slipway.Contract.Depot.Cli.V1Beta1;
using Slipway.Server.Access;

namespace Slipway.Server.Login;

/// <summary>The client's side of <c>depot login</c>. Whoever calls here has no token yet.</summary>
internal sealed class LoginEndpoints(DeviceLogin logins) : LoginService.LoginServiceBase
{
    public override async Task<StartLoginResponse> StartLogin(StartLoginRequest request, ServerCallContext context)
    {
        var http = context.GetHttpContext();
        var (id, approve) = await logins.StartAsync(http.Address(), http.Request.Headers.UserAgent.ToString(), context.CancellationToken);
        return new StartLoginResponse { Id = id, ApproveUrl = approve };
    }

    public override async Task FinishLogin(
        FinishLoginRequest request, IServerStreamWriter<FinishLoginResponse> responseStream, ServerCallContext context)
    {
        var token = await logins.FinishAsync(request.Id, context.Caller(), context.CancellationToken);
        await responseStream.WriteAsync(new FinishLoginResponse { Token = token }, context.CancellationToken);
    }
}
