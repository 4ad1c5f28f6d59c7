using Google.Protobuf;
using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Wire.Control;

namespace Slipway.BuildKit.Ssh;

/// <summary>Carries one build step's conversation with an SSH agent, message by message, passing on only what a build may say.</summary>
/// <remarks>The step's bytes come in BytesMessages cut anywhere. Requests are answered in order, so one is finished before the next is read.</remarks>
internal sealed class AgentRelay(IGrpcStream call, Stream agent)
{
    private const int ChunkBytes = 32 * 1024;

    private byte[] _pending = [];

    /// <summary>Runs until the step half-closes or the agent leaves.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        while (await call.ReadMessageAsync(BytesMessage.Parser, cancellation) is { } message)
        {
            _pending = [.. _pending, .. message.Data.Span];
            while (AgentMessage.SizeOf(_pending) is { } size && _pending.Length >= size)
            {
                if (!await AnswerAsync(_pending.AsMemory(0, size), cancellation))
                {
                    return;
                }

                _pending = _pending[size..];
            }
        }
    }

    /// <summary>False when the agent has left.</summary>
    private async Task<bool> AnswerAsync(ReadOnlyMemory<byte> request, CancellationToken cancellation)
    {
        if (AgentMessage.AnswerWithoutAgent(request.Span[AgentMessage.LengthBytes]) is { } own)
        {
            await SendAsync(own, cancellation);
            return true;
        }

        await agent.WriteAsync(request, cancellation);
        return await ReadAnswerAsync(cancellation) is { } answer && await SendAsync(answer, cancellation);
    }

    private async Task<ReadOnlyMemory<byte>?> ReadAnswerAsync(CancellationToken cancellation)
    {
        var head = new byte[AgentMessage.LengthBytes];
        if (!await FillAsync(head, cancellation))
        {
            return null;
        }

        var answer = new byte[AgentMessage.SizeOf(head)!.Value];
        head.CopyTo(answer, 0);
        return await FillAsync(answer.AsMemory(head.Length), cancellation) ? answer : null;
    }

    private async Task<bool> FillAsync(Memory<byte> buffer, CancellationToken cancellation) =>
        await agent.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellation) == buffer.Length;

    private async Task<bool> SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellation)
    {
        for (; !bytes.IsEmpty; bytes = bytes[Math.Min(ChunkBytes, bytes.Length)..])
        {
            var chunk = new BytesMessage { Data = UnsafeByteOperations.UnsafeWrap(bytes[..Math.Min(ChunkBytes, bytes.Length)]) };
            await call.WriteMessageAsync(chunk, cancellation);
        }

        return true;
    }
}
