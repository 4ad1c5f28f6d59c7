using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using YamlDotNet.RepresentationModel;

namespace Slipway.AcceptanceTests.Pipelines;

/// <summary><c>spec.yml</c> is what the documentation says, where that lies beside this repository.</summary>
public sealed partial class SpecificationTests
{
    [Fact]
    public void Every_command_of_the_page_is_run_as_it_stands_there()
    {
        var page = Page();
        var pipelines = Fences(page, "yaml").Select(Pipeline).Distinct().Order(StringComparer.Ordinal);
        var shells = Fences(page, "bash").Select(Installer).Distinct().Order(StringComparer.Ordinal);
        Assert.Equal(pipelines, Snippet.Pipelines.Select(Describe).Distinct().Order(StringComparer.Ordinal));
        Assert.Equal(shells, Snippet.All.Except(Snippet.Pipelines).Select(snippet => snippet.Command.Trim()).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_policy_is_the_pages()
    {
        // The page escapes its colons.
        var policies = Fences(Page(), "json").Where(text => text.Contains("secretsmanager", StringComparison.Ordinal))
            .Select(text => text.Replace("\\:", ":", StringComparison.Ordinal).Replace("region:account-id", "REGION:ACCOUNT_ID", StringComparison.Ordinal));
        var ours = JsonNode.Parse(File.ReadAllText(System.IO.Path.Combine(Parts.Root, "deploy/buildkite/secrets-manager-policy.json")));
        Assert.All(policies, policy => Assert.True(JsonNode.DeepEquals(JsonNode.Parse(policy), ours), policy));
    }

    private static string Page()
    {
        for (var folder = Parts.Root; folder is not null; folder = System.IO.Path.GetDirectoryName(folder))
        {
            var spec = System.IO.Path.Combine(folder, "shared/spec");
            if (Directory.Exists(spec))
            {
                return string.Concat(Directory.GetFiles(spec, "*.md").Order(StringComparer.Ordinal).Select(File.ReadAllText));
            }
        }

        Assert.Skip("the documentation is not beside this repository");
        return "";
    }

    private static IEnumerable<string> Fences(string page, string language) => Fence().Matches(page)
        .Where(fence => fence.Groups["language"].Value == language)
        .Select(fence => Regex.Replace(fence.Groups["text"].Value, $"^{fence.Groups["indent"].Value}", "", RegexOptions.Multiline).Trim());

    private static string Installer(string text) => text.Replace("https://depot.dev/", "INSTALLER/", StringComparison.Ordinal);

    private static string Pipeline(string text)
    {
        // Backslashes escape the page's own markup; YAML knows none before a colon.
        var yaml = new YamlStream();
        yaml.Load(new StringReader(text.Replace("\\:", ":", StringComparison.Ordinal)));
        var step = (YamlMappingNode)((YamlSequenceNode)yaml.Documents[0].RootNode["steps"]).Children.Single();
        var environment = ((YamlMappingNode)step["env"]).Children.Select(variable =>
        {
            Assert.Equal($"${{{variable.Key}}}", variable.Value.ToString());
            return variable.Key.ToString();
        });
        var plugins = step.Children.TryGetValue("plugins", out var used)
            ? ((YamlSequenceNode)used).SelectMany(plugin => ((YamlMappingNode)plugin).Children.Keys).Select(name => name.ToString().Split('#')[0])
            : [];
        return Describe(new Snippet { Command = Installer(step["command"].ToString()), Env = [.. environment], Plugins = [.. plugins] });
    }

    private static string Describe(Snippet snippet) => $"{snippet.Command.Trim()}\nenv {string.Join(' ', snippet.Env)}; plugins {string.Join(' ', snippet.Plugins)}";

    [GeneratedRegex(@"^(?<indent> *)```(?<language>\w+)\n(?<text>.*?)^\k<indent>```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Fence();
}
