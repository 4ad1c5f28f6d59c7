using System.IO.Pipes;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Depot.Cli.Docker;
using Depot.Cli.Exec;
using Depot.Cli.Settings;
using Slipway.BuildKit;
using Slipway.BuildKit.Control;
using Xunit;

namespace Slipway.Tests.Cli;

/// <summary>What macOS and Windows do otherwise, as far as it can be run here.</summary>
public sealed class OtherSystemsTests
{
    [Theory]
    [InlineData("linux", null, "/home/u/.config")]
    [InlineData("darwin", null, "/home/u/Library/Application Support")]
    [InlineData("windows", "/appdata/local", "/appdata/local")]
    [InlineData("windows", null, "/home/u/AppData/Local")]
    public void Settings_lie_where_each_system_keeps_them(string system, string? local, string folder) =>
        Assert.Equal(folder, CliSettings.ConfigFolder(system, "/home/u", local));

    [Fact]
    public void Dockers_pipe_is_an_address_of_this_machine()
    {
        Assert.Equal(@"\\.\pipe\docker_engine", new DockerEndpoint(new Uri("npipe:////./pipe/docker_engine"), null).LocalPath);
        Assert.Equal("/var/run/docker.sock", new DockerEndpoint(new Uri("unix:///var/run/docker.sock"), null).LocalPath);
        Assert.Null(new DockerEndpoint(new Uri("tcp://far:2376"), null).LocalPath);
        Assert.True(LocalService.IsPipe(@"\\.\pipe\openssh-ssh-agent"));
    }

    /// <summary>.NET offers named pipes here, too.</summary>
    [Fact]
    public async Task A_pipe_takes_one_client_after_another()
    {
        using var listener = new PipeListener();
        for (var i = 0; i < 3; i++)
        {
            var connecting = LocalService.ConnectPipeAsync(listener.Name, CancellationToken.None);
            await using var here = await listener.AcceptAsync(CancellationToken.None);
            await using var there = await connecting;
            await there.WriteAsync(new byte[] { 1, 2, 3 });
            await there.FlushAsync();
            var got = new byte[3];
            await here.ReadExactlyAsync(got);
            Assert.Equal([1, 2, 3], got);
        }

        Assert.StartsWith("npipe:////./pipe/depot-", listener.Address);
    }

    [Fact]
    public async Task A_pipe_that_nobody_serves_is_waited_for_no_longer_than_asked()
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromMilliseconds(50));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => LocalService.ConnectPipeAsync($"none-{Guid.NewGuid():N}", limit.Token));
    }

    [Fact]
    public void A_certificate_keeps_its_key_on_the_way_that_Windows_needs()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=build", key, HashAlgorithmName.SHA256);
        using var made = request.CreateSelfSigned(DateTimeOffset.UtcNow, DateTimeOffset.UtcNow.AddDays(1));
        using var loaded = ClientCertificate.FromPem(made.ExportCertificatePem(), key.ExportPkcs8PrivateKeyPem());
        using var kept = ClientCertificate.Keep(loaded);
        Assert.True(kept.HasPrivateKey);
        Assert.Equal(made.Thumbprint, kept.Thumbprint);
        using var own = kept.GetECDsaPrivateKey()!;
        Assert.True(key.VerifyData("x"u8, own.SignData("x"u8.ToArray(), HashAlgorithmName.SHA256), HashAlgorithmName.SHA256));
    }
}
