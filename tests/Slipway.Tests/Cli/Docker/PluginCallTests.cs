using System.Text.Json;
using Depot.Cli.Docker.Plugin;
using Xunit;

namespace Slipway.Tests.Cli.Docker;

/// <summary>How Docker and Compose call their plugins.</summary>
public sealed class PluginCallTests
{
    [Theory]
    [InlineData("docker-buildx", "buildx build -t x .", "build -t x .")]
    [InlineData("docker-buildx", "--config /c -D --host=unix:///s buildx build .", "build .")]
    [InlineData("docker-buildx", "bake --file - --progress rawjson", "bake --file - --progress rawjson")]
    [InlineData("docker-depot", "-l debug depot build .", "build .")]
    [InlineData("docker-buildx", "--help", "--help")]
    public void What_stands_before_the_plugins_name_is_Dockers_own(string program, string words, string expected)
    {
        var call = PluginCall.Read($"/some/cli-plugins/{program}", words.Split(' '));
        Assert.Equal(expected, string.Join(' ', call!.Words));
    }

    [Fact]
    public void Dockers_flags_count_as_its_variables()
    {
        var call = PluginCall.Read("docker-buildx", ["--config", "/c", "-H", "tcp://h:1", "--tlsverify", "--tlscacert=/t/ca.pem", "buildx", "build", "."]);
        Assert.Equal("/c", call!.Settings["DOCKER_CONFIG"]);
        Assert.Equal("tcp://h:1", call.Settings["DOCKER_HOST"]);
        Assert.Equal("1", call.Settings["DOCKER_TLS_VERIFY"]);
        Assert.Equal("/t", call.Settings["DOCKER_CERT_PATH"]);
        call = PluginCall.Read("docker-buildx", ["--context", "far", "buildx", "build", "."]);
        Assert.Equal(("far", ""), (call!.Settings["DOCKER_CONTEXT"], call.Settings["DOCKER_HOST"]));
    }

    [Fact]
    public void By_its_own_name_this_program_is_no_plugin() => Assert.Null(PluginCall.Read("/usr/local/bin/depot", ["build", "."]));

    [Theory]
    [InlineData("docker-buildx", "v0.29.1+slipway")]
    [InlineData("docker-depot", "v")]
    public void Docker_is_told_what_it_needs_of_a_plugin(string program, string version)
    {
        using var metadata = JsonDocument.Parse(PluginCall.Metadata(program));
        Assert.Equal("0.1.0", metadata.RootElement.GetProperty("SchemaVersion").GetString());
        Assert.NotEmpty(metadata.RootElement.GetProperty("Vendor").GetString()!);
        Assert.StartsWith(version, metadata.RootElement.GetProperty("Version").GetString());
    }

    [Theory]
    [InlineData("build --builder mine -t x .", "mine", "build -t x .")]
    [InlineData("--builder=mine build .", "mine", "build .")]
    [InlineData("build . -- --builder x", null, "build . -- --builder x")]
    public void A_builder_may_be_named_anywhere(string words, string? builder, string rest)
    {
        Assert.Equal(rest, string.Join(' ', BuildxPlugin.TakeBuilder(words.Split(' '), out var found)));
        Assert.Equal(builder, found);
    }
}
