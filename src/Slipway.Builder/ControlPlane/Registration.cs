using System.Text.Json;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using Slipway.Builder.Records;
using Slipway.Contract.Fleet.V1;

namespace Slipway.Builder.ControlPlane;

/// <summary>Who this builder is to the server.</summary>
/// <param name="BuilderToken">slpa_…: kept in a file that only the builder's user can read, sent in headers, never logged.</param>
internal sealed record BuilderIdentity(string BuilderId, string BuilderToken)
{
    public override string ToString() => BuilderId;
}

/// <summary>Gives the builder its identity: the one it has, or one in exchange for a join token.</summary>
internal sealed class Registration(BuilderOptions options, FleetService.FleetServiceClient fleet, ILogger<Registration> log)
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);
    private static readonly TimeSpan CallLimit = TimeSpan.FromSeconds(15);

    private string PathOfIdentity => Path.Combine(options.DataDirectory, "builder.json");

    public async Task<BuilderIdentity> GetAsync(CancellationToken cancellation)
    {
        if (File.Exists(PathOfIdentity))
        {
            return Read();
        }

        if (options.JoinToken is not { Length: > 0 } joinToken)
        {
            throw new BuilderException($"this builder has not joined a server: {PathOfIdentity} does not exist and no join token was given; "
                + "make one with \"slipway admin builder join-token\"");
        }

        var identity = await EnrolAsync(joinToken, cancellation);
        DurableFile.Write(PathOfIdentity, JsonSerializer.SerializeToUtf8Bytes(identity, Json));
        log.LogInformation("joined {Server} as {Builder}", options.Server, identity.BuilderId);
        return identity;
    }

    private BuilderIdentity Read()
    {
        try
        {
            var identity = JsonSerializer.Deserialize<BuilderIdentity>(File.ReadAllBytes(PathOfIdentity), Json);
            if (identity is { BuilderId.Length: > 0, BuilderToken.Length: > 0 })
            {
                return identity;
            }
        }
        catch (JsonException)
        {
            // Said below.
        }

        throw new BuilderException($"{PathOfIdentity} is damaged: delete it and join again with a new join token");
    }

    /// <summary>Waits for a server that is not there yet; gives up when it says no.</summary>
    private async Task<BuilderIdentity> EnrolAsync(string joinToken, CancellationToken cancellation)
    {
        var backoff = new Backoff(options.Clock);
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                var answer = await fleet.EnrollAsync(
                    new EnrollRequest { Name = options.Name ?? Environment.MachineName },
                    new Metadata { { "authorization", "Bearer " + joinToken } },
                    options.Clock.GetUtcNow().Add(CallLimit).UtcDateTime,
                    cancellation);
                return new BuilderIdentity(answer.BuilderId, answer.BuilderToken);
            }
            catch (RpcException e) when (e.StatusCode is StatusCode.Unauthenticated or StatusCode.PermissionDenied)
            {
                throw new BuilderException($"{options.Server} refused the join token ({e.Status.Detail}); "
                    + "make a new one with \"slipway admin builder join-token\"", e);
            }
            catch (RpcException e) when (!cancellation.IsCancellationRequested)
            {
                log.Log(attempt == 0 ? LogLevel.Warning : LogLevel.Debug, "{Server} cannot be reached yet: {Error}", options.Server, e.Status.Detail);
                await backoff.PauseAsync(cancellation);
            }
        }
    }
}
