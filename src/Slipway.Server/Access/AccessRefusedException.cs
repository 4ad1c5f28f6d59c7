using Slipway.Contract.Connect;

namespace Slipway.Server.Access;

/// <summary><see cref="AccessControl"/>'s no, with what was asked for: the audit log says whose it is.</summary>
internal sealed class AccessRefusedException(Resource resource, string remedy)
    : ApiException(ConnectCode.PermissionDenied, $"no access to {resource.Text}", remedy)
{
    public string? ProjectId => resource.ProjectId;
}
