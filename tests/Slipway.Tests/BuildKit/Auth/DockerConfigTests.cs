using System.Text;
using Slipway.BuildKit.Auth;
using Slipway.BuildKit;
using Slipway.Tests.Support;
using Xunit;

namespace Slipway.Tests.BuildKit.Auth;

public sealed class DockerConfigTests
{
    [Fact]
    public void An_absent_file_has_no_credentials()
    {
        var config = DockerConfig.Load("/nonexistent/folder");

        Assert.False(config.MentionsCredentials);
        Assert.Null(config.FindAuth("ghcr.io"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("{} trailing words")]
    public void An_empty_file_has_none_either(string text) => Assert.False(Parse(text).MentionsCredentials);

    [Theory]
    [InlineData("{\n  \"auths\": {\n", "line 3 is not valid JSON")]
    [InlineData("[]", "it is not a JSON object")]
    [InlineData("{\"auths\":3}", "\"auths\" is not an object")]
    [InlineData("{\"credsStore\":3}", "\"credsStore\" is not a string")]
    [InlineData("{\"auths\":{\"ghcr.io\":{\"auth\":\"!\"}}}", "the auth value of ghcr.io is not base64 of user:password")]
    public void A_broken_file_is_named_with_what_to_do(string text, string problem) => Assert.Equal(
        $"cannot use Docker's settings /c/config.json: {problem}. Correct the file, or move it away and run docker login again.",
        Assert.Throws<InputException>(() => Parse(text)).Message);

    [Fact]
    public void Every_form_of_credential_is_read()
    {
        var config = Parse($$$"""
            {"auths":{
              "a.example":{"auth":"{{{Base64("user:pa:ss")}}}"},
              "b.example":{"auth":"{{{Base64("00000000-0000-0000-0000-000000000000:")}}}","identitytoken":"refresh"},
              "c.example":{"registrytoken":"bearer"},
              "d.example":{"username":"u","password":"p"},
              "e.example":{}
            }}
            """);

        Assert.Equal(new RegistryCredential { Username = "user", Password = "pa:ss" }, config.FindAuth("a.example"));
        Assert.Equal(("", "refresh"), (config.FindAuth("b.example")!.SecretUsername, config.FindAuth("b.example")!.Secret));
        Assert.Equal("bearer", config.FindAuth("c.example")!.RegistryToken);
        Assert.Equal(("u", "p"), (config.FindAuth("d.example")!.SecretUsername, config.FindAuth("d.example")!.Secret));
        Assert.Equal("", config.FindAuth("e.example")!.Secret);
    }

    [Theory]
    [InlineData("https://ghcr.io/v2/", "ghcr.io")]
    [InlineData("http://127.0.0.1:5000", "127.0.0.1:5000")]
    [InlineData("ghcr.io/owner", "ghcr.io")]
    [InlineData("https://r.example:443/", "r.example:443")]
    public void A_key_that_is_a_URL_counts_for_its_host(string key, string host) =>
        Assert.Equal("u", Parse($$$"""{"auths":{"{{{key}}}":{"auth":"{{{Base64("u:p")}}}"} } }""").FindAuth(host)?.Username);

    [Theory]
    [InlineData("registry-1.docker.io")]
    [InlineData("docker.io")]
    [InlineData("index.docker.io")]
    public void Docker_Hub_goes_by_its_old_key(string host) => Assert.Equal("https://index.docker.io/v1/", DockerConfig.KeyFor(host));

    [Fact]
    public void A_helper_of_its_own_comes_before_the_store()
    {
        var config = Parse("""{"credsStore":"pass","credHelpers":{"r.example":"ecr-login","plain.example":""}}""");

        Assert.Equal("ecr-login", config.HelperFor("r.example"));
        Assert.Equal("pass", config.HelperFor("other.example"));
        Assert.Equal("", config.HelperFor("plain.example"));
    }

    [Fact]
    public void Proxies_become_build_arguments_in_both_cases()
    {
        var config = Parse("""{"proxies":{"default":{"httpProxy":"http://p:1","noProxy":"x"},"tcp://d:2375":{"allProxy":"a"}}}""");

        Assert.Equal(
            [new("HTTP_PROXY", "http://p:1"), new("http_proxy", "http://p:1"), new("NO_PROXY", "x"), new("no_proxy", "x")],
            config.ProxyFor("unix:///var/run/docker.sock")!.BuildArguments());
        Assert.Equal("a", config.ProxyFor("tcp://d:2375")!.AllProxy);
    }

    [Fact]
    public void The_variable_takes_auths_and_nothing_else()
    {
        var auths = DockerConfig.ParseAuthVariable($$$"""{"auths":{"r.example":{"auth":"{{{Base64("u:p")}}}"} } }""");
        Assert.Equal("u", auths["r.example"].Username);

        Assert.Contains("identitytoken", Assert.Throws<InputException>(() => DockerConfig.ParseAuthVariable("""{"auths":{"r":{"identitytoken":"x"}}}""")).Message);
        Assert.Throws<InputException>(() => DockerConfig.ParseAuthVariable("[]"));
        Assert.Throws<InputException>(() => DockerConfig.ParseAuthVariable("{"));
    }

    [Fact]
    public void The_push_variables_make_one_credential()
    {
        Assert.Equal("u", RegistryCredential.FromOverrides("u", "p", null)?.Username);
        Assert.Equal("p", RegistryCredential.FromOverrides(null, null, Base64("u:p"))?.Password);
        Assert.Null(RegistryCredential.FromOverrides("u", "", null));
        Assert.DoesNotContain("c2VjcmV0", Assert.Throws<InputException>(() => RegistryCredential.FromOverrides(null, null, "c2VjcmV0")).Message);
    }

    [Fact]
    public void A_credential_prints_as_stars() => Assert.Equal("***", $"{new RegistryCredential { Username = "u", Password = "p" }}");

    private static DockerConfig Parse(string text) => DockerConfig.Parse(Encoding.UTF8.GetBytes(text), "/c/config.json");

    private static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));
}
