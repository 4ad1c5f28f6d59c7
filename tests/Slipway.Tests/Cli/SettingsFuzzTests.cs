using System.Text;
using CsCheck;
using Depot.Cli;
using Depot.Cli.ControlPlane;
using Depot.Cli.Settings;
using Slipway.BuildKit;
using Slipway.BuildKit.Auth;
using Slipway.BuildKit.Proxies;
using Xunit;

namespace Slipway.Tests.Cli;

/// <summary>The files that people write by hand: whatever is in them, the answer is a value or a sentence.</summary>
/// <remarks>Texts that once broke a parser, or might, are kept as seeds and tried whole and with every change of one character.</remarks>
public sealed class SettingsFuzzTests : IDisposable
{
    private static readonly string[] Seeds =
    [
        """{"id":"p1"}""", """{"id":{"a":["b",null,1.5e9]},"x":true}""", "id: p1\nother:\n  - a: &x b\n  - *x\n", "? [a]\n: b\n", "--- \n...\n---\nid: x\n",
        "id: !!binary aGk=\n", "id: !![binary aGk=\n", "\uFEFFid: x", "\"id\": \"\\ud800\"", "a: [", "{", "- a", "\t", "%YAML 9.9\n---\nid: x", "id: |\n  p1\n", "*x", "api_token: 'it''s'\nservers:\n  - url: u\n    api_token: t\n",
        """{"auths":{"ghcr.io":{"auth":"dTpw"}},"credHelpers":{"a":"b"},"proxies":{"default":{"httpProxy":"x"}}}""", """{"auths":{"x":null},"credsStore":""}""", """{"auths":{"":{"auth":"Og=="}}}""",
    ];

    private readonly CliScene _scene = new();

    public void Dispose() => _scene.Dispose();

    [Fact]
    public void A_project_file_is_read_or_explained()
    {
        var path = Path.Combine(_scene.Folder, "depot.json");
        EachText(text =>
        {
            File.WriteAllText(path, text);
            OrSays<CliException>(() => Assert.NotEmpty(ProjectFile.Read(path, _ => { }).Id));
        });
    }

    [Fact]
    public void A_rewritten_project_file_names_the_new_project()
    {
        var path = Path.Combine(_scene.Folder, "depot.json");
        EachText(text =>
        {
            File.WriteAllText(path, text);
            ProjectFile.Write(path, "p9");
            Assert.Equal("p9", ProjectFile.Read(path, _ => { }).Id);
        });
    }

    [Fact]
    public void A_settings_file_is_read_or_explained() => EachText(text => OrSays<FormatException>(() => ConfigFile.Parse(text)));

    [Fact]
    public void What_is_written_reads_back() => Gen.Select(Gen.String, Gen.String, Gen.String).Sample((url, token, organization) =>
    {
        // A token is checked before it is kept; an address has been parsed.
        if (TokenShape.FaultOf(token) is not null || token.Length == 0 || !Uri.TryCreate($"http://h/{url}", UriKind.Absolute, out var address))
        {
            return;
        }

        var path = Path.Combine(_scene.Folder, "config", "depot.yaml");
        ConfigFile.Empty.With("https://other.example", new("x", null)).With(address.AbsoluteUri, new(token, null)).Write(path);
        Assert.Equal(token, ConfigFile.Read(path).For(address.AbsoluteUri).Token);
        Assert.Equal("x", ConfigFile.Read(path).For("https://other.example").Token);
    }, iter: 200, threads: 1);

    [Fact]
    public void Docker_settings_are_read_or_explained() =>
        EachText(text => OrSays<InputException>(() => DockerConfig.Parse(Encoding.UTF8.GetBytes(text), "/c/config.json").FindAuth("ghcr.io")));

    [Fact]
    public void Proxy_variables_are_read_or_explained() => Gen.Char["htps:/@.,*[]%0 1a"].Array[0, 30].Select(letters => new string(letters)).Sample(text =>
        OrSays<InputException>(() => ProxyRules.From(name => name is "HTTPS_PROXY" or "NO_PROXY" ? text : null).Find(new Uri("https://x.example"))));

    private static void EachText(Action<string> judge)
    {
        foreach (var seed in Seeds)
        {
            judge(seed);
        }

        var changed = Gen.Select(Gen.Int[0, Seeds.Length - 1], Gen.Int[0, 200], Gen.Char["{}[]:,\"'\\\n\t -&*!|>%?#~0aé\0"], Gen.Bool);
        changed.Sample((which, at, letter, insert) =>
        {
            var seed = Seeds[which];
            var place = at % (seed.Length + 1);
            judge(string.Concat(seed.AsSpan(0, place), letter.ToString(), seed.AsSpan(insert || place == seed.Length ? place : place + 1)));
        }, iter: 2000, threads: 1);
    }

    private static void OrSays<T>(Action read)
        where T : Exception
    {
        try
        {
            read();
        }
        catch (T problem)
        {
            Assert.DoesNotContain("Exception", problem.Message);
        }
    }
}
