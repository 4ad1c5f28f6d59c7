using Depot.Cli.Build;
using Xunit;

namespace Slipway.Tests.Cli;

/// <summary>What a user is told to do when a registry refuses.</summary>
public sealed class RegistryRemedyTests
{
    [Theory]
    [InlineData("failed to build: failed to solve: failed to push reg.example.com/app:1: push access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials", "docker login reg.example.com", "push")]
    [InlineData("failed to solve: failed to push localhost:5000/app:1: unexpected status from HEAD request to http://localhost:5000/v2/app/blobs/sha256:00: 401 Unauthorized", "docker login localhost:5000", "push")]
    [InlineData("failed to solve: failed to push me/app: denied: requested access to the resource is denied", "`docker login`", "push")]
    [InlineData("failed to solve: reg.example.com:5000/base:1: failed to resolve source metadata for reg.example.com:5000/base:1: pull access denied", "docker login reg.example.com:5000", "pull")]
    [InlineData("failed to solve: 123456789012.dkr.ecr.us-west-2.amazonaws.com/base:1: failed to resolve source metadata for 123456789012.dkr.ecr.us-west-2.amazonaws.com/base:1: unexpected status: 403 Forbidden", "docker login 123456789012.dkr.ecr.us-west-2.amazonaws.com", "pull")]
    public void A_refusal_names_the_login_that_is_missing(string message, string login, string verb)
    {
        var remedy = RegistryRemedy.For(message, "/home/me/.docker");
        Assert.Contains(login, remedy);
        Assert.Contains($"who may {verb} there", remedy);
        Assert.Contains("/home/me/.docker/config.json", remedy);
    }

    [Theory]
    [InlineData("failed to solve: failed to push reg.example.com/app:1: failed to do request: Head \"https://reg.example.com/v2/\": dial tcp: lookup reg.example.com: no such host")]
    [InlineData("failed to solve: failed to push reg.example.com/app:1: tls: failed to verify certificate: x509: certificate signed by unknown authority")]
    public void A_registry_out_of_reach_is_the_builders_affair(string message) =>
        Assert.Contains("reg.example.com must be reachable from there", RegistryRemedy.For(message, "/d"));

    [Theory]
    [InlineData("failed to solve: process \"/bin/sh -c curl https://x\" did not complete successfully: exit code: 1")]
    [InlineData("failed to solve: reg.example.com/base:1: failed to resolve source metadata for reg.example.com/base:1: reg.example.com/base:1: not found")]
    public void Other_failures_have_no_such_remedy(string message) => Assert.Null(RegistryRemedy.For(message, "/d"));
}
