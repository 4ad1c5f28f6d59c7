using Depot.Cli.Registries;
using Xunit;

namespace Slipway.Tests.Cli;

/// <summary>What BuildKit says of a registry that it cannot reach, word for word, and what is made of it.</summary>
public sealed class RegistryOutOfReachTests
{
    private const string Begin = "Registries are reached from the builder, not from this machine: ";

    [Theory]
    [InlineData(
        "failed to solve: failed to push r.example.com/app:1: failed to do request: Head \"https://r.example.com/v2/app/blobs/sha256:81\": dial tcp: lookup r.example.com on 10.0.0.2:53: no such host",
        Begin + "it must be able to look up and reach r.example.com.")]
    [InlineData(
        "r.example.com:5000/a:1: failed to resolve source metadata for r.example.com:5000/a:1: failed to do request: Head \"https://r.example.com:5000/v2/a/manifests/1\": dial tcp 10.0.0.9:5000: i/o timeout",
        Begin + "it must be able to look up and reach r.example.com:5000.")]
    [InlineData(
        "failed to push localhost:5000/app:1: failed to do request: Head \"http://localhost:5000/v2/app/blobs/sha256:81\": dial tcp [::1]:5000: connect: connection refused",
        Begin + "it must be able to look up and reach localhost:5000; for its own machine it is started with --host-port.")]
    [InlineData(
        "failed to push r.example.com/app:1: failed to do request: Head \"https://r.example.com/v2/\": tls: failed to verify certificate: x509: certificate signed by unknown authority",
        Begin + "the builder's machine must trust the certificate of r.example.com.")]
    [InlineData("process \"/bin/sh -c wget http://x\" did not complete successfully: no such host", null)]
    [InlineData("failed to do request: Head \"https://r.example.com/v2/\": context canceled", null)]
    public void The_builder_is_where_to_look(string message, string? expected) => Assert.Equal(expected, RegistryOutOfReach.RemedyFor(message));
}
