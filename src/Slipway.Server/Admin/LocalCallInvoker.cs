using Grpc.Core;
using Slipway.Contract.Admin.V1;
using Slipway.Contract.Connect;
using Slipway.Server.Access;

namespace Slipway.Server.Admin;

/// <summary>Calls <see cref="AdminEndpoints"/> in this process: <c>slipway admin --data</c> uses the same client over it as over a network.</summary>
internal sealed class LocalCallInvoker : CallInvoker
{
    private readonly Dictionary<string, Delegate> _handlers = new(StringComparer.Ordinal);

    public LocalCallInvoker(AdminEndpoints endpoints) => AdminService.BindService(new Binder(_handlers), endpoints);

    public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request)
    {
        var handler = (UnaryServerMethod<TRequest, TResponse>)_handlers[method.FullName];
        var answer = Guard(() => handler(request, new LocalCall(method.FullName, options.CancellationToken)));
        return new AsyncUnaryCall<TResponse>(
            answer, Task.FromResult(new Metadata()), () => Status.DefaultSuccess, () => [], () => { });
    }

    public override AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request)
    {
        var handler = (ServerStreamingServerMethod<TRequest, TResponse>)_handlers[method.FullName];
        var stream = new LocalStream<TResponse>(options.CancellationToken);
        stream.Start(writer => Guard(async () =>
        {
            await handler(request, writer, new LocalCall(method.FullName, stream.Ended));
            return true;
        }));
        return new AsyncServerStreamingCall<TResponse>(
            stream, Task.FromResult(new Metadata()), () => Status.DefaultSuccess, () => [], stream.Stop);
    }

    public override TResponse BlockingUnaryCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) => throw new NotSupportedException();

    public override AsyncClientStreamingCall<TRequest, TResponse> AsyncClientStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options) => throw new NotSupportedException();

    public override AsyncDuplexStreamingCall<TRequest, TResponse> AsyncDuplexStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options) => throw new NotSupportedException();

    private static async Task<T> Guard<T>(Func<Task<T>> call)
    {
        try
        {
            return await call();
        }
        catch (ApiException failure)
        {
            throw new RpcException(new Status((StatusCode)(int)failure.Code, failure.Message));
        }
    }

    private sealed class Binder(Dictionary<string, Delegate> handlers) : ServiceBinderBase
    {
        public override void AddMethod<TRequest, TResponse>(
            Method<TRequest, TResponse> method, UnaryServerMethod<TRequest, TResponse>? handler) => handlers[method.FullName] = handler!;

        public override void AddMethod<TRequest, TResponse>(
            Method<TRequest, TResponse> method, ServerStreamingServerMethod<TRequest, TResponse>? handler) =>
            handlers[method.FullName] = handler!;
    }

    /// <summary>A call from the machine that holds the data.</summary>
    private sealed class LocalCall : ServerCallContext
    {
        private readonly string _method;
        private readonly CancellationToken _cancellation;

        public LocalCall(string method, CancellationToken cancellation)
        {
            _method = method;
            _cancellation = cancellation;
            this.SetCaller(Caller.AtTheDataFolder);
        }

        protected override string MethodCore => _method;

        protected override string HostCore => "local";

        protected override string PeerCore => "local";

        protected override DateTime DeadlineCore => DateTime.MaxValue;

        protected override Metadata RequestHeadersCore { get; } = [];

        protected override CancellationToken CancellationTokenCore => _cancellation;

        protected override Metadata ResponseTrailersCore { get; } = [];

        protected override Status StatusCore { get; set; }

        protected override WriteOptions? WriteOptionsCore { get; set; }

        protected override AuthContext AuthContextCore { get; } = new("", []);

        protected override IDictionary<object, object> UserStateCore { get; } = new Dictionary<object, object>();

        protected override ContextPropagationToken CreatePropagationTokenCore(ContextPropagationOptions? options) =>
            throw new NotSupportedException();

        protected override Task WriteResponseHeadersAsyncCore(Metadata responseHeaders) => Task.CompletedTask;
    }
}
