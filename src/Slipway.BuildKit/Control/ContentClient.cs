using Slipway.BuildKit.Grpc;
using Slipway.BuildKit.Wire.Content;

namespace Slipway.BuildKit.Control;

/// <summary>Reads blobs of an engine's content store (<c>containerd.services.content.v1.Content</c>): attestations of what was just built.</summary>
public sealed class ContentClient(GrpcChannel channel)
{
    public const string ReadPath = "/containerd.services.content.v1.Content/Read";

    /// <exception cref="GrpcStatusException">The engine does not have the blob, or does not show it to this build.</exception>
    /// <exception cref="InvalidDataException">It is longer than <paramref name="bytesMax"/>.</exception>
    public async Task<byte[]> ReadAsync(string digest, int bytesMax, CancellationToken cancellation)
    {
        await using var call = await channel.StartAsync(ReadPath, metadata: null, cancellation);
        await call.WriteLastMessageAsync(new ReadContentRequest { Digest = digest }, cancellation);
        using var content = new MemoryStream();
        while (await call.ReadMessageAsync(ReadContentResponse.Parser, cancellation) is { } part)
        {
            if (content.Length + part.Data.Length > bytesMax)
            {
                throw new InvalidDataException($"{digest} is longer than {bytesMax} bytes.");
            }

            content.Write(part.Data.Span);
        }

        return content.ToArray();
    }
}
