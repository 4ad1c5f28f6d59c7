using Slipway.BuildKit.Grpc;

namespace Slipway.BuildKit.Session;

/// <summary>A service that the client offers to BuildKit on its session: file sync, credentials, secrets, SSH, upload, export.</summary>
public interface IAttachable
{
    /// <summary>Every method served, by full path (<c>/moby.filesync.v1.FileSync/DiffCopy</c>). The session advertises exactly these.</summary>
    IReadOnlyDictionary<string, GrpcHandler> Methods { get; }
}
