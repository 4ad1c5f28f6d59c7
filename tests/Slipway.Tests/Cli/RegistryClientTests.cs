using System.Net;
using Depot.Cli;
using Depot.Cli.Registries;
using Microsoft.Extensions.Time.Testing;
using Slipway.BuildKit;
using Slipway.BuildKit.Auth;
using Xunit;

namespace Slipway.Tests.Cli;

/// <summary>Layers that are carried from one registry to another over a line that may be thin.</summary>
public sealed class RegistryClientTests
{
    private const string Digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    private readonly FakeTimeProvider _clock = new();

    [Fact]
    public async Task A_layer_may_take_longer_than_an_answer_may_while_bytes_move()
    {
        var begun = _clock.GetUtcNow();
        var registries = new Registries(new Trickle(20, () => _clock.Advance(RegistryClient.SilenceMax * 0.9)));

        await CopyAsync(registries, size: 20);

        Assert.Equal(20, registries.Received);
        Assert.True(_clock.GetUtcNow() - begun > RegistryClient.SilenceMax * 10);
    }

    [Fact]
    public async Task A_layer_that_stops_moving_is_given_up_with_its_name()
    {
        var registries = new Registries(new Trickle(20, () => _clock.Advance(RegistryClient.SilenceMax * 1.1)));

        var given = await Assert.ThrowsAsync<CliException>(() => CopyAsync(registries, size: 20));

        Assert.Equal($"failed to copy old.example/app@{Digest} to new.example/app: nothing moved for 100 s", given.Message);
    }

    private async Task CopyAsync(Registries registries, long size)
    {
        using var http = new HttpClient(registries);
        using var auth = new RegistryAuth(new CredentialOptions { DockerConfigFolder = Path.GetTempPath() + "none", SearchPath = "" }, http, _clock);
        await new RegistryClient(http, http, auth, _clock, errorPrefix: "").CopyBlobAsync(
            ("old.example", "app"), ("new.example", "app"), Digest, size, TestContext.Current.CancellationToken);
    }

    /// <summary>Two registries: one has the layer, the other takes it.</summary>
    private sealed class Registries(Stream layer) : HttpMessageHandler
    {
        public long Received { get; private set; }

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (request.Method == HttpMethod.Put)
            {
                using var sink = new MemoryStream();
                await request.Content!.CopyToAsync(sink, cancellationToken);
                Received = sink.Length;
            }

            return new HttpResponseMessage(Code(request))
            {
                RequestMessage = request,
                Content = request.Method == HttpMethod.Get ? new StreamContent(layer) : new ByteArrayContent([]),
                Headers = { Location = new Uri("https://new.example/upload/1") },
            };
        }

        private static HttpStatusCode Code(HttpRequestMessage request) =>
            request.Method == HttpMethod.Head ? HttpStatusCode.NotFound
            : request.Method == HttpMethod.Post ? HttpStatusCode.Accepted
            : request.Method == HttpMethod.Put ? HttpStatusCode.Created
            : HttpStatusCode.OK;
    }

    /// <summary>One byte at a time, and time goes by before each.</summary>
    private sealed class Trickle(int bytes, Action wait) : ForwardStream
    {
        private int _left = bytes;

        public override bool CanRead => true;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            wait();
            await Task.Yield();
            cancellationToken.ThrowIfCancellationRequested();
            return _left-- > 0 ? 1 : 0;
        }
    }
}
