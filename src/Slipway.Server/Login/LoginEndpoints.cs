using Slipway.Contract.Depot.Cli.V1Beta1;

namespace Slipway.Server.Login;

/// <summary>The client's side of <c>depot login</c>.</summary>
internal sealed class LoginEndpoints : LoginService.LoginServiceBase;
