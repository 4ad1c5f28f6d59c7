using System.Text;
using CsCheck;
using Depot.Cli;
using Depot.Cli.Build;
using Depot.Cli.Flags;
using Depot.Cli.Registries;
using Slipway.BuildKit;
using Slipway.BuildKit.Auth;
using Slipway.BuildKit.FileSync;
using Slipway.BuildKit.Secrets;
using Slipway.BuildKit.Ssh;
using Xunit;

namespace Slipway.Tests.Cli;

/// <summary>What users, files and registries write is either understood or refused in words: no parser fails in another way, or never ends.</summary>
/// <remarks><c>Seeds/parsers.txt</c> keeps the texts that once found something, and those that are known to be awkward; a new find goes there.</remarks>
public sealed class FuzzTests
{
    /// <summary>Characters that some grammar here gives a meaning, more often than others.</summary>
    private static readonly Gen<string> Text = Gen.OneOf(
        Gen.String[Gen.Char["=,:/@\"'\\#!*?[](){}-+._ \t\r\n\0aA0zZ9éß€\uD800"], 0, 40],
        Gen.Select(Gen.Int[0, Seeds().Length - 1], Gen.Int[0, 60], Gen.String[Gen.Char["=,:/@\"\\[*!\n"], 0, 3], (seed, at, insert) => Seeds()[seed] is var text ? text.Insert(Math.Min(at, text.Length), insert) : ""));

    private static readonly (string Name, Action<string> Parse)[] Parsers =
    [
        ("output", text => OutputSpec.Parse(text)),
        ("cache", text => _ = CacheSpec.ParseAll([text]).ToList()),
        ("attestation", text => AttestSpec.ParseAll(new BuildArguments { Sbom = text, Provenance = text, Attests = { text } })),
        ("annotation", text => _ = AnnotationSpec.ParseAll([text]).ToList()),
        ("call", text => CallSpec.Parse(text)),
        ("platform", text => PlatformName.Parse(text)),
        ("image", text => _ = ImageReference.Problem(text) ?? ImageReference.Locate(text).Host),
        ("name of an image", text => ImageReference.Normalize(text)),
        ("build context", text => BuildInputs.NamedContexts([text])),
        ("host", text => ExtraHosts.Format([text])),
        ("limit", text => Ulimit.Parse(text)),
        ("size", text => MemorySize.Parse(text)),
        ("secret", text => SecretSpec.Parse(text)),
        ("agent", text => SshAgentSpec.Parse(text)),
        ("challenge", text => ChallengeFields.Parse(text)),
        ("credential", text => RegistryCredential.TryDecode(text, out _)),
        ("command line", text => BuildFlags.Table(new BuildArguments()).Parse(text.Split(' '))),
        ("ignore file", text => _ = new IgnorePatterns(IgnoreFile.Read(Encoding.UTF8.GetBytes(text)).Select(pattern => new ReadOnlyMemory<byte>(pattern))).MatchesPathOrParent("a/b.c"u8)),
        ("docker settings", ReadDockerSettings),
    ];

    [Fact]
    public void Every_text_is_understood_or_refused_in_words() =>
        Text.Sample(text => Array.ForEach(Parsers, parser => Try(parser.Name, parser.Parse, text)), iter: 4_000);

    [Fact]
    public void What_was_found_before_stays_found() =>
        Array.ForEach(Seeds(), text => Array.ForEach(Parsers, parser => Try(parser.Name, parser.Parse, text)));

    [Fact]
    public void Fields_read_back_as_they_were_written() =>
        Gen.String[Gen.Char["=,\" \\\nab"], 0, 12].Array[1, 5].Where(fields => fields.Length > 1 || fields[0].Length > 0)
            .Sample(fields => Assert.Equal(fields, CsvFields.Parse(CsvFields.Format(fields))), iter: 4_000);

    private static void Try(string name, Action<string> parse, string text)
    {
        try
        {
            parse(text);
        }
        catch (Exception refusal) when (refusal is CliException or InputException or FlagException or FormatException or HelpRequestedException)
        {
            Assert.NotEmpty(refusal.Message);
        }
        catch (Exception fault)
        {
            Assert.Fail($"the parser for {name} failed on {GoText.Quote(text)} with {fault.GetType().Name}: {fault.Message}");
        }
    }

    /// <summary>As a whole file, and in the places where a value stands.</summary>
    private static void ReadDockerSettings(string text)
    {
        var value = System.Text.Json.JsonSerializer.Serialize(text);
        var auths = $"{{{value}:{{\"auth\":{value}}}}}";
        foreach (var content in new[] { text, $"{{\"auths\":{auths},\"credHelpers\":{{\"h\":{value}}},\"credsStore\":{value},\"proxies\":{{\"default\":{{\"httpProxy\":{value}}}}}}}" })
        {
            var config = DockerConfig.Parse(Encoding.UTF8.GetBytes(content), "config.json");
            _ = config.FindAuth(DockerConfig.KeyFor(text));
            _ = config.ProxyFor("unix:///var/run/docker.sock")?.BuildArguments().ToList();
        }
    }

    /// <summary>One on each line; <c>\n</c> and <c>\0</c> stand for what they mean.</summary>
    private static string[] Seeds() => File.ReadAllLines(Path.Combine(AppContext.BaseDirectory, "Cli", "Seeds", "parsers.txt"))
        .Where(line => !line.StartsWith("//", StringComparison.Ordinal))
        .Select(line => line.Replace("\\n", "\n", StringComparison.Ordinal).Replace("\\0", "\0", StringComparison.Ordinal)).ToArray();
}
