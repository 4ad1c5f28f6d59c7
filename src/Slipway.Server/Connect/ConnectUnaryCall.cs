using System.Buffers;
using System.IO.Compression;
using System.Text;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;
using Slipway.Contract;
using Slipway.Contract.Connect;

namespace Slipway.Server.Connect;

/// <summary>One unary Connect call: the message is the request's body, the answer or an error is the response's.</summary>
internal sealed class ConnectUnaryCall(HttpContext http, MethodDescriptor method, ConnectRequest kind)
{
    // Below one TCP segment compression saves nothing.
    private const int CompressFrom = 1400;

    public async Task RunAsync(RequestDelegate next)
    {
        byte[] message;
        try
        {
            message = await ReadMessageAsync();
        }
        catch (ApiException refused)
        {
            await ConnectAnswer.FailAsync(http, refused.Code.HttpStatus(), refused.Code, refused.Message);
            return;
        }

        var original = http.Features.GetRequiredFeature<IHttpResponseBodyFeature>();
        using var answer = new MemoryStream();
        var trailers = new CaughtTrailers();
        http.Request.Body = new MemoryStream(Envelope.Frame(0, message), writable: false);
        http.Features.Set<IHttpResponseTrailersFeature>(trailers);
        http.Features.Set<IHttpResetFeature>(new IgnoredReset());
        ConnectRequest.DisguiseAsGrpc(http);
        try
        {
            var buffered = new StreamResponseBodyFeature(answer);
            http.Features.Set<IHttpResponseBodyFeature>(buffered);
            await next(http);
            await buffered.CompleteAsync();
        }
        finally
        {
            http.Features.Set(original);
        }

        var (code, text) = ConnectAnswer.ReadStatus(trailers.Trailers, http.Response.Headers);
        ConnectAnswer.RemoveGrpcHeaders(http.Response.Headers);
        if (code is { } failed)
        {
            await ConnectAnswer.FailAsync(http, failed.HttpStatus(), failed, text);
            return;
        }

        await WriteMessageAsync(answer.GetBuffer().AsMemory(Envelope.PrefixLength, (int)answer.Length - Envelope.PrefixLength));
    }

    private async Task<byte[]> ReadMessageAsync()
    {
        var encoding = http.Request.Headers.ContentEncoding;
        Stream body = StringValues.IsNullOrEmpty(encoding) || encoding == "identity" ? http.Request.Body
            : encoding == "gzip" ? new GZipStream(http.Request.Body, CompressionMode.Decompress)
            : throw new ApiException(ConnectCode.Unimplemented, $"content-encoding \"{encoding}\" is not known", "send identity or gzip");
        try
        {
            var bytes = await ReadLimitedAsync(body);
            return kind.IsJson ? ReadJson(bytes) : CheckProto(bytes);
        }
        catch (InvalidDataException)
        {
            throw new ApiException(ConnectCode.InvalidArgument, "the request's gzip data is damaged");
        }
        catch (BadHttpRequestException refused) when (refused.StatusCode == StatusCodes.Status413PayloadTooLarge)
        {
            throw TooLarge();
        }
    }

    // The limit is on what comes out of the decompressor: a small body can hold a large message.
    private async Task<byte[]> ReadLimitedAsync(Stream body)
    {
        using var read = new MemoryStream();
        var buffer = ArrayPool<byte>.Shared.Rent(16 * 1024);
        try
        {
            int count;
            while ((count = await body.ReadAsync(buffer, http.RequestAborted)) > 0)
            {
                if (read.Length + count > Limits.MessageBytesMax)
                {
                    throw TooLarge();
                }

                read.Write(buffer, 0, count);
            }

            return read.ToArray();
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private byte[] ReadJson(byte[] json)
    {
        try
        {
            return RpcMethods.JsonToProto(method.InputType, json.Length == 0 ? "{}" : Encoding.UTF8.GetString(json));
        }
        catch (Exception failure) when (failure is InvalidProtocolBufferException or InvalidJsonException or FormatException)
        {
            throw Malformed(failure);
        }
    }

    // Parsed once more behind this; here a damaged message can still be told from a failing handler.
    private byte[] CheckProto(byte[] message)
    {
        try
        {
            method.InputType.Parser.ParseFrom(message);
            return message;
        }
        catch (InvalidProtocolBufferException failure)
        {
            throw Malformed(failure);
        }
    }

    private async Task WriteMessageAsync(ReadOnlyMemory<byte> message)
    {
        var response = http.Response;
        response.StatusCode = StatusCodes.Status200OK;
        response.ContentType = kind.ContentType;
        var body = kind.IsJson
            ? Encoding.UTF8.GetBytes(RpcMethods.ProtoToJson(method.OutputType, message.ToArray()))
            : message;
        if (body.Length >= CompressFrom && AcceptsGzip())
        {
            response.Headers.ContentEncoding = "gzip";
            await using var gzip = new GZipStream(response.Body, CompressionLevel.Fastest, leaveOpen: true);
            await gzip.WriteAsync(body, http.RequestAborted);
            return;
        }

        response.ContentLength = body.Length;
        await response.Body.WriteAsync(body, http.RequestAborted);
    }

    private bool AcceptsGzip() => http.Request.Headers.AcceptEncoding
        .Any(value => value?.Split(',').Any(name => name.Trim().StartsWith("gzip", StringComparison.OrdinalIgnoreCase)) == true);

    private ApiException Malformed(Exception failure) =>
        new(ConnectCode.InvalidArgument, $"the request is not a {method.InputType.FullName}: {failure.Message.TrimEnd('.')}");

    private static ApiException TooLarge() =>
        new(ConnectCode.ResourceExhausted, $"the request is larger than {Limits.MessageBytesMax} bytes");
}
