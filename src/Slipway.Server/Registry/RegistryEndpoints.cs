using Grpc.Core;
using Slipway.Contract.Depot.Build.V1;
using Slipway.Server.Access;

namespace Slipway.Server.Registry;

/// <summary>The public list of saved images.</summary>
internal sealed class RegistryEndpoints(ListImages list, DeleteImages delete) : RegistryService.RegistryServiceBase
{
    public override Task<ListImagesResponse> ListImages(ListImagesRequest request, ServerCallContext context) =>
        list.HandleAsync(request.ProjectId, request.PageSize, request.PageToken, context.Caller(), context.CancellationToken);

    public override async Task<DeleteImageResponse> DeleteImage(DeleteImageRequest request, ServerCallContext context)
    {
        await delete.HandleAsync(request.ProjectId, request.ImageTags, context.Caller(), context.CancellationToken);
        return new DeleteImageResponse();
    }
}
