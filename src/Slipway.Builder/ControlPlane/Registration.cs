using System.Security.Cryptography;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using Slipway.Contract;
using Slipway.Contract.Fleet;
using Slipway.Contract.Fleet.V1;

namespace Slipway.Builder.ControlPlane;

/// <summary>Gives the builder its identity, the one it has or one in exchange for a join token, and keeps it in force.</summary>
internal sealed class Registration(BuilderOptions options, FleetService.FleetServiceClient fleet, ProvingHandler proving, ILogger<Registration> log)
{
    private const string RenewPath = "/slipway.fleet.v1.FleetService/Renew";

    /// <summary>Waits longer than this are looked at again: the machine may have slept meanwhile, or its clock may have been set.</summary>
    private static readonly TimeSpan LookAgain = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan CallLimit = TimeSpan.FromSeconds(15);

    private readonly IdentityFile _file = new(options.DataDirectory);

    /// <summary>The identity is in force, and on disk, when the task ends. Waits for a server that is not there yet.</summary>
    /// <exception cref="BuilderException">The server says no.</exception>
    public async Task<BuilderIdentity> GetAsync(CancellationToken cancellation)
    {
        var identity = _file.Read();
        if (identity is null)
        {
            return await InsistAsync(_file.ReadToken() is { } old ? () => TradeTokenAsync(old, cancellation) : () => EnrolAsync(cancellation), cancellation);
        }

        proving.Identity = identity;
        await proving.LearnTimeAsync(options.Server, cancellation);
        if (options.JoinToken is not null && proving.Now > identity.EndsAt + Limits.BuilderCertificateRenewal)
        {
            // "slipway up" brings a join token to every start.
            log.LogWarning("builder {Builder} was off for too long to be known again: it joins anew", identity.BuilderId);
            return await InsistAsync(() => EnrolAsync(cancellation), cancellation);
        }

        return proving.Now < identity.RenewAt ? identity : await InsistAsync(() => RenewAsync(identity, cancellation), cancellation);
    }

    /// <summary>Renews the certificate at the half of its life, and again, until cancelled. Failing costs nothing until its end.</summary>
    public async Task KeepInForceAsync(CancellationToken cancellation)
    {
        var backoff = new Backoff(options.Clock);
        while (!cancellation.IsCancellationRequested)
        {
            try
            {
                var identity = proving.Identity!;
                if (identity.RenewAt - proving.Now is { Ticks: > 0 } left)
                {
                    await Task.Delay(left < LookAgain ? left : LookAgain, options.Clock, cancellation);
                    await proving.LearnTimeAsync(options.Server, cancellation);
                    continue;
                }

                await RenewAsync(identity, cancellation);
                backoff.Reset();
            }
            catch (Exception e) when (e is RpcException or CryptographicException or IOException or BuilderException && !cancellation.IsCancellationRequested)
            {
                log.LogWarning("the builder's certificate cannot be renewed yet, it ends at {End:u}: {Error}", proving.Identity!.EndsAt, ServerFault.Describe(e));
                await backoff.PauseAsync(cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (Exception e) when (e is OperationCanceledException or RpcException && cancellation.IsCancellationRequested)
            {
                return;
            }
        }
    }

    private async Task<BuilderIdentity> EnrolAsync(CancellationToken cancellation)
    {
        if (options.JoinToken is not { Length: > 0 } joinToken)
        {
            throw new BuilderException($"this builder has not joined a server: {_file.Path} does not exist and no join token was given; "
                + "make one with \"slipway admin builder join-token\"");
        }

        try
        {
            var (key, csr) = BuilderIdentity.NewKey();
            using var own = key;
            var request = new EnrollRequest { Name = options.Name ?? Environment.MachineName, Csr = ByteString.CopyFrom(csr) };
            var answer = await WithinLimitAsync(stop => fleet.EnrollAsync(request, Bearer(joinToken), cancellationToken: stop), cancellation);
            log.LogInformation("joined {Server} as {Builder}", options.Server, answer.BuilderId);
            return Keep(BuilderIdentity.Join(answer.BuilderId, answer.Certificate, key));
        }
        catch (RpcException e) when (IsRefusal(e))
        {
            throw new BuilderException($"{options.Server} refused the join token ({ServerFault.Refusal(e)}); "
                + "make a new one with \"slipway admin builder join-token\"", e);
        }
    }

    /// <summary>The server revokes the token when the certificate has been used: until then, a crash costs nothing.</summary>
    private async Task<BuilderIdentity> TradeTokenAsync((string BuilderId, string Token) old, CancellationToken cancellation)
    {
        try
        {
            var (key, csr) = BuilderIdentity.NewKey();
            using var own = key;
            var request = new RenewRequest { Csr = ByteString.CopyFrom(csr) };
            var answer = await WithinLimitAsync(stop => fleet.RenewAsync(request, Bearer(old.Token), cancellationToken: stop), cancellation);
            log.LogInformation("{Builder} has traded its token for a certificate", old.BuilderId);
            return Keep(BuilderIdentity.Join(old.BuilderId, answer.Certificate, key));
        }
        catch (RpcException e) when (IsRefusal(e))
        {
            throw Unknown(options, old.BuilderId, e);
        }
    }

    private async Task<BuilderIdentity> RenewAsync(BuilderIdentity identity, CancellationToken cancellation)
    {
        try
        {
            var (key, csr) = BuilderIdentity.NewKey();
            using var own = key;
            var proof = new Metadata { { BuilderProof.Header, BuilderProof.Create(identity.Certificate, RenewPath, proving.Now, csr) } };
            var request = new RenewRequest { Csr = ByteString.CopyFrom(csr) };
            var answer = await WithinLimitAsync(stop => fleet.RenewAsync(request, proof, cancellationToken: stop), cancellation);
            log.LogInformation("the builder's certificate is renewed");
            return Keep(BuilderIdentity.Join(identity.BuilderId, answer.Certificate, key));
        }
        catch (RpcException e) when (IsRefusal(e) && proving.Now > identity.EndsAt)
        {
            throw Unknown(options, identity.BuilderId, e);
        }
    }

    /// <summary>On disk before it is used: what the server has seen must not be lost.</summary>
    private BuilderIdentity Keep(BuilderIdentity identity)
    {
        _file.Write(identity);
        proving.Identity = identity;
        return identity;
    }

    private async Task<BuilderIdentity> InsistAsync(Func<Task<BuilderIdentity>> once, CancellationToken cancellation)
    {
        var backoff = new Backoff(options.Clock);
        string? told = null;
        while (true)
        {
            try
            {
                return await once();
            }
            catch (RpcException e) when (!cancellation.IsCancellationRequested)
            {
                var error = ServerFault.Describe(e);
                log.Log(error == told ? LogLevel.Debug : LogLevel.Warning, "{Server} cannot be reached yet: {Error}", options.Server, error);
                told = error;
                await backoff.PauseAsync(cancellation);
            }
            catch (CryptographicException e)
            {
                throw new BuilderException($"{options.Server} answered with a certificate that cannot be used: {e.Message}", e);
            }
        }
    }

    internal static BuilderException Unknown(BuilderOptions options, string builderId, RpcException e) =>
        new($"{options.Server} does not know builder {builderId} ({ServerFault.Refusal(e)}); "
            + $"delete {new IdentityFile(options.DataDirectory).Path} and join again with a new join token", e);

    private static bool IsRefusal(RpcException e) => e.StatusCode is StatusCode.Unauthenticated or StatusCode.PermissionDenied;

    private static Metadata Bearer(string token) => new() { { "authorization", "Bearer " + token } };

    /// <summary>Not a gRPC deadline, which goes by the machine's clock.</summary>
    private async Task<T> WithinLimitAsync<T>(Func<CancellationToken, AsyncUnaryCall<T>> call, CancellationToken cancellation)
    {
        using var limit = new CancellationTokenSource(CallLimit, options.Clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, limit.Token);
        return await call(either.Token);
    }
}
