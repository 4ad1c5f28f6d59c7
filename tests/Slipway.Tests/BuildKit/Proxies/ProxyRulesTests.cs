using Slipway.BuildKit;
using Slipway.BuildKit.Proxies;
using Xunit;

namespace Slipway.Tests.BuildKit.Proxies;

/// <summary>Which proxy leads where, by the variables that every tool reads.</summary>
public sealed class ProxyRulesTests
{
    [Theory]
    [InlineData("https://api.example.com/", "http://secure:3128/")]
    [InlineData("http://api.example.com/", "http://plain:8080/")]
    [InlineData("tcp://10.1.2.3:8443", "http://secure:3128/")]
    [InlineData("https://localhost:8400/", null)]
    [InlineData("https://127.0.0.2/", null)]
    [InlineData("https://[::1]/", null)]
    public void The_scheme_decides_and_loopback_is_never_proxied(string destination, string? expected) =>
        Assert.Equal(expected, Rules(("HTTPS_PROXY", "http://secure:3128"), ("http_proxy", "plain:8080")).Find(new Uri(destination))?.AbsoluteUri);

    [Theory]
    [InlineData("example.com", "https://example.com/", true)]
    [InlineData("example.com", "https://api.example.com/", true)]
    [InlineData("example.com", "https://badexample.com/", false)]
    [InlineData("EXAMPLE.com", "https://api.Example.COM/", true)]
    [InlineData(".example.com", "https://example.com/", false)]
    [InlineData(".example.com", "https://a.b.example.com/", true)]
    [InlineData("*.example.com", "https://a.example.com/", true)]
    [InlineData("a.test, example.com", "https://example.com/", true)]
    [InlineData("example.com:8443", "https://example.com:8443/", true)]
    [InlineData("example.com:8443", "https://example.com/", false)]
    [InlineData("10.0.0.0/8", "tcp://10.20.30.40:8443", true)]
    [InlineData("10.0.0.0/8", "tcp://11.20.30.40:8443", false)]
    [InlineData("192.0.2.7", "https://192.0.2.7:444/", true)]
    [InlineData("192.0.2.7:443", "https://192.0.2.7:444/", false)]
    [InlineData("2001:db8::/32", "https://[2001:db8::1]/", true)]
    [InlineData("[2001:db8::1]:443", "https://[2001:db8::1]/", true)]
    [InlineData("*", "https://anything.example/", true)]
    [InlineData("", "https://anything.example/", false)]
    public void NO_PROXY_names_where_one_goes_straight(string exceptions, string destination, bool straight) =>
        Assert.Equal(straight, Rules(("ALL_PROXY", "http://proxy:1"), ("NO_PROXY", exceptions)).Find(new Uri(destination)) is null);

    [Fact]
    public void Upper_case_comes_before_lower_case_and_the_narrow_variable_before_ALL_PROXY()
    {
        var rules = Rules(("HTTPS_PROXY", "http://upper:1"), ("https_proxy", "http://lower:1"), ("ALL_PROXY", "socks5://all:1"));
        Assert.Equal("upper", rules.Find(new Uri("https://x.example"))!.Host);
        Assert.Equal("socks5://all:1", ProxyRules.Display(rules.Find(new Uri("http://x.example"))!));
    }

    [Fact]
    public void A_login_goes_to_the_proxy_it_stands_in_and_into_no_text()
    {
        var rules = Rules(("HTTPS_PROXY", "http://us%40er:pa%3Ass@proxy:3128"));
        var proxy = rules.Find(new Uri("https://x.example"))!;
        var login = ((System.Net.ICredentials)rules).GetCredential(proxy, "Basic")!;
        Assert.Equal(("us@er", "pa:ss"), (login.UserName, login.Password));
        Assert.Null(((System.Net.ICredentials)rules).GetCredential(new Uri("http://other:3128"), "Basic"));
        Assert.Equal("http://proxy:3128", ProxyRules.Display(proxy));
    }

    [Theory]
    [InlineData("ftp://user:secret@host")]
    [InlineData("http://")]
    [InlineData("://secret")]
    public void A_variable_that_is_no_address_is_named_without_its_value(string value)
    {
        var problem = Assert.Throws<InputException>(() => Rules(("HTTPS_PROXY", value)));
        Assert.Contains("HTTPS_PROXY", problem.Message);
        Assert.DoesNotContain("secret", problem.Message);
    }

    private static ProxyRules Rules(params (string Name, string Value)[] variables)
    {
        var all = variables.ToDictionary(variable => variable.Name, variable => variable.Value);
        return ProxyRules.From(all.GetValueOrDefault);
    }
}
