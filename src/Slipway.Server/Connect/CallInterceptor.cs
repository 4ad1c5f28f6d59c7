using System.Security.Cryptography;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Microsoft.AspNetCore.Connections;
using Slipway.Contract.Connect;
using Slipway.Server.Access;
using Slipway.Server.Audit;

namespace Slipway.Server.Connect;

/// <summary>The one place where a call's failure becomes words: what the caller is meant to see passes, a bug is logged and named by an id.</summary>
internal sealed class CallInterceptor(ServerMetrics metrics, Denials denials, ILogger<CallInterceptor> log) : Interceptor
{
    public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation) =>
        GuardAsync(context, () => continuation(request, context));

    public override Task<TResponse> ClientStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream,
        ServerCallContext context,
        ClientStreamingServerMethod<TRequest, TResponse> continuation) =>
        GuardAsync(context, () => continuation(requestStream, context));

    public override Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request,
        IServerStreamWriter<TResponse> responseStream,
        ServerCallContext context,
        ServerStreamingServerMethod<TRequest, TResponse> continuation) =>
        GuardAsync(context, () => Answerless(continuation(request, responseStream, context)));

    public override Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream,
        IServerStreamWriter<TResponse> responseStream,
        ServerCallContext context,
        DuplexStreamingServerMethod<TRequest, TResponse> continuation) =>
        GuardAsync(context, () => Answerless(continuation(requestStream, responseStream, context)));

    private static async Task<bool> Answerless(Task call)
    {
        await call;
        return true;
    }

    private async Task<T> GuardAsync<T>(ServerCallContext context, Func<Task<T>> call)
    {
        try
        {
            var answer = await call();
            metrics.CountCall(context.Method, "ok");
            return answer;
        }
        catch (Exception failure)
        {
            var told = Tell(context, failure);
            metrics.CountCall(context.Method, ((ConnectCode)told.StatusCode).Name());
            throw told;
        }
    }

    private RpcException Tell(ServerCallContext context, Exception failure)
    {
        switch (failure)
        {
            case ApiException expected:
                ServerLog.CallRefused(log, context.Method, expected.Code.Name(), expected.Message);
                Record(context, expected);
                return new RpcException(new Status((StatusCode)(int)expected.Code, expected.Message));
            case RpcException { StatusCode: not StatusCode.OK } already:
                return already;
            case InvalidDataException damaged:
                return new RpcException(new Status(StatusCode.InvalidArgument, damaged.Message));
        }

        // A connection that breaks ends its calls' reads a moment before their tokens fire.
        if (context.CancellationToken.IsCancellationRequested || failure is IOException { InnerException: ConnectionAbortedException or ConnectionResetException })
        {
            return IsOver(context)
                ? new RpcException(new Status(StatusCode.DeadlineExceeded, "the call took longer than its deadline"))
                : new RpcException(new Status(StatusCode.Cancelled, "the caller left"));
        }

        var id = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4));
        ServerLog.CallFailed(log, context.Method, id, failure);
        return new RpcException(new Status(StatusCode.Internal, $"the server failed; its log has more under {id}"));
    }

    // Whatever else the code says: a caller without a credential was turned away.
    private void Record(ServerCallContext context, ApiException refused)
    {
        var caller = context.Caller();
        if (refused.Code is ConnectCode.PermissionDenied or ConnectCode.Unauthenticated || caller.Kind == CallerKind.Anonymous)
        {
            var concerned = caller.Near ?? caller.Oidc?.Concerned((refused as AccessRefusedException)?.ProjectId);
            denials.Add(caller, context.Method.TrimStart('/'), caller.RefusalDetail ?? refused.Message, concerned);
        }
    }

    // gRPC's own deadlines run on the system's clock, whatever clock the rest of the server has.
    private static bool IsOver(ServerCallContext context) => context.Deadline <= TimeProvider.System.GetUtcNow().UtcDateTime;
}
