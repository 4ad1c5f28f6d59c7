using Grpc.Core;
using Slipway.Contract;
using Slipway.Contract.Connect;
using Slipway.Contract.Fleet;
using Slipway.Contract.Fleet.V1;
using Slipway.Server.Access;
using Slipway.Server.Records;

namespace Slipway.Server.Builders;

/// <summary>The fleet's side of the server: enrolment, the standing connection, the records.</summary>
internal sealed class FleetEndpoints(
    Fleet fleet,
    EnrollBuilder enroll,
    RenewBuilder renew,
    BuilderStore builders,
    AttachBuilder attach,
    BuilderMessages messages,
    RecordStore records,
    ServerMetrics metrics,
    IHostApplicationLifetime lifetime,
    TimeProvider clock,
    ILogger<FleetEndpoints> log) : FleetService.FleetServiceBase
{
    public override Task<EnrollResponse> Enroll(EnrollRequest request, ServerCallContext context) =>
        enroll.HandleAsync(request, context.Caller(), context.CancellationToken);

    public override Task<RenewResponse> Renew(RenewRequest request, ServerCallContext context) =>
        Task.FromResult(renew.Handle(request, context.Caller(), context.GetHttpContext().Features.Get<BuilderProof>()));

    public override async Task Attach(
        IAsyncStreamReader<BuilderMessage> requestStream, IServerStreamWriter<ServerMessage> responseStream, ServerCallContext context)
    {
        var caller = context.Caller();
        AccessControl.Authorize(caller, CallerAction.ServeAsBuilder, Resource.Builder(caller.BuilderId ?? ""));
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping);
        var hello = await ReadHelloAsync(requestStream, ends.Token);
        using var builder = await attach.HandleAsync(hello, caller, ends.Token);
        var reason = "";
        try
        {
            reason = await ConverseAsync(builder, requestStream, responseStream, ends);
        }
        finally
        {
            fleet.Detach(builder);
            ServerLog.BuilderDetached(log, builder.Builder.Name, builder.Id, reason);
        }
    }

    public override async Task Report(
        IAsyncStreamReader<RecordBatch> requestStream, IServerStreamWriter<RecordAck> responseStream, ServerCallContext context)
    {
        var caller = context.Caller();
        AccessControl.Authorize(caller, CallerAction.ServeAsBuilder, Resource.Builder(caller.BuilderId ?? ""));
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping);
        try
        {
            await foreach (var batch in requestStream.ReadAllAsync(ends.Token))
            {
                // The call may be older than the builder's removal.
                if (builders.Find(caller.BuilderId!) is null)
                {
                    throw new ApiException(ConnectCode.Unauthenticated, "this builder was removed");
                }

                var stored = await records.AppendAsync(caller.BuilderId!, batch, ends.Token);
                metrics.CountRecords(batch.Records.Count);
                var ack = new RecordAck { BuildId = batch.BuildId, Architecture = batch.Architecture, Sequence = stored };
                await responseStream.WriteAsync(ack, ends.Token);
            }
        }
        catch (Exception) when (lifetime.ApplicationStopping.IsCancellationRequested)
        {
            // A stopping server ends the call well; the builder sends what was not acknowledged to the next one.
        }
    }

    private async Task<Hello> ReadHelloAsync(IAsyncStreamReader<BuilderMessage> requests, CancellationToken cancellation)
    {
        using var patience = new CancellationTokenSource(Limits.HeartbeatLost, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, patience.Token);
        if (!await requests.MoveNext(either.Token) || requests.Current.MessageCase != BuilderMessage.MessageOneofCase.Hello)
        {
            throw new ApiException(ConnectCode.InvalidArgument, "the first message of Attach must be Hello");
        }

        return requests.Current.Hello;
    }

    // Either side's end is the other's: reading stops when writing fails, and the other way round.
    private async Task<string> ConverseAsync(
        AttachedBuilder builder,
        IAsyncStreamReader<BuilderMessage> requests,
        IServerStreamWriter<ServerMessage> responses,
        CancellationTokenSource ends)
    {
        using var both = CancellationTokenSource.CreateLinkedTokenSource(ends.Token, builder.Gone);
        var writing = WriteAsync(builder, responses, both.Token);
        var reading = ReadAsync(builder, requests, both.Token);
        var first = await Task.WhenAny(writing, reading);
        await both.CancelAsync();
        await Task.WhenAll(((Task)writing).ContinueWith(_ => { }, TaskScheduler.Default), ((Task)reading).ContinueWith(_ => { }, TaskScheduler.Default));
        return first.IsCompletedSuccessfully ? await first : first.Exception?.InnerException?.Message ?? "the connection was cancelled";
    }

    private async Task<string> WriteAsync(
        AttachedBuilder builder, IServerStreamWriter<ServerMessage> responses, CancellationToken cancellation)
    {
        try
        {
            while (true)
            {
                var message = await NextAsync(builder, cancellation);
                await responses.WriteAsync(message, cancellation);
            }
        }
        catch (Exception) when (cancellation.IsCancellationRequested)
        {
            return lifetime.ApplicationStopping.IsCancellationRequested ? "the server stops" : "another connection took its place";
        }
    }

    /// <summary>The next message for the builder; a heartbeat when there is none for a while.</summary>
    private async Task<ServerMessage> NextAsync(AttachedBuilder builder, CancellationToken cancellation)
    {
        if (builder.Outbox.TryRead(out var ready))
        {
            return ready;
        }

        using var quiet = new CancellationTokenSource(Limits.Heartbeat, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, quiet.Token);
        try
        {
            return await builder.Outbox.ReadAsync(either.Token);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return new ServerMessage { Heartbeat = new Heartbeat() };
        }
    }

    private async Task<string> ReadAsync(
        AttachedBuilder builder, IAsyncStreamReader<BuilderMessage> requests, CancellationToken cancellation)
    {
        using var silent = new CancellationTokenSource(Limits.HeartbeatLost, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, silent.Token);
        try
        {
            while (await requests.MoveNext(either.Token))
            {
                silent.CancelAfter(Limits.HeartbeatLost);
                await messages.HandleAsync(builder, requests.Current, cancellation);
            }

            return "it closed the connection";
        }
        catch (Exception) when (silent.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            return $"no heartbeat for {Limits.HeartbeatLost.TotalSeconds:0} s";
        }
    }
}
