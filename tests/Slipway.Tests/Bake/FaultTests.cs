using Slipway.Bake.Definition;
using Slipway.Bake.Hcl;
using Slipway.Tests.Cli;
using Xunit;

namespace Slipway.Tests.Bake;

/// <summary>One run tells of every fault of a definition, and invents none.</summary>
public sealed class FaultTests
{
    [Fact]
    public void Every_item_that_breaks_the_grammar_is_told_of()
    {
        const string text = """
            variable "X" {
              default =
            }
            target "a" {
              context = "."
              tags = ["a" "b"]
              args = { A = }
            }
            target "b" {
              dockerfile = "x" "y"
            }
            """;
        Assert.Equal(
            ["a.hcl:2,12-3,1: Invalid expression", "a.hcl:6,15-16: Missing item separator", "a.hcl:7,16-17: Invalid expression", "a.hcl:10,20-21: Missing newline after argument"],
            Faults(text).Select(fault => $"{fault.Subject}: {fault.Summary}"));
    }

    [Theory]
    [InlineData("target \"a\" {\n  tags = [\n    \"x\"\n    \"y\",\n  ]\n  context = \".\"\n}\n")]
    [InlineData("target \"a\" {\n  tags = [\"x\", \"y\"\n}\ntarget \"b\" {}\n")]
    [InlineData("target \"a\" {\n  tags = [\"}\" \"]\"] # ]\n  context = \".\"\n}\n")]
    [InlineData("a = 1 2 <<EOT\n}{[(\nEOT\nb = 1\n")]
    [InlineData("a = \"unclosed\nb = 1\n")]
    [InlineData("a = {\n  b = \n  c = 1\n}\nd = 1\n")]
    [InlineData("target a = {\n  b = 1\n}\nb = 2\n")]
    [InlineData("target \"a\" { b = }\nc = 1\n")]
    [InlineData("target \"a\" {\n")]
    [InlineData("}\na = 1\n")]
    [InlineData("a = 1 /* never\nb = \n")]
    [InlineData("a = \"${b\" \nc = 1\n")]
    [InlineData("'a' = 1\nb = 2\n")]
    public void One_fault_makes_no_others(string text) => Assert.Single(Faults(text));

    [Fact]
    public void Every_attribute_without_a_value_is_told_of_in_the_order_of_the_file()
    {
        const string text = """
            target "a" {
              tags = [missing, "${gone}"]
              args = { N = nope, M = nope }
            }
            target "b" {
              context = unknown("x")
              pull = "perhaps"
            }
            group "default" {}
            """;
        Assert.Equal(
            [
                "There is no variable named \"missing\".", "There is no variable named \"gone\".", "There is no variable named \"nope\".", "There is no variable named \"nope\".",
                "There is no function named \"unknown\".", "Unsuitable value: a bool is required", "The argument \"targets\" is required, but no definition was found.",
            ],
            Faults(text).Select(fault => fault.Detail));
    }

    [Fact]
    public void Faults_of_several_files_come_in_the_order_of_the_files() =>
        Assert.Equal(["b.hcl", "a.hcl"], Faults(("b.hcl", "x = \n"), ("a.hcl", "y = \n")).Select(fault => fault.Subject!.Value.Source.Name));

    [Fact]
    public void A_fault_that_everything_needs_is_told_once_and_looked_for_once()
    {
        var chain = string.Concat(Enumerable.Range(1, 60).Select(i => $"v{i} = [v{i - 1}, v{i - 1}]\n"));
        Assert.Equal("There is no variable named \"nothing\".", Assert.Single(Faults($"v0 = nothing\n{chain}")).Detail);
    }

    [Fact]
    public void Every_item_of_a_JSON_file_that_breaks_the_grammar_is_told_of()
    {
        const string text = """
            {
              "variable": { "X": { "default": nope } },
              "target": {
                "a": { "context": ".", "tags": ["a" "b"], args: {} },
                "b": { "dockerfile" "x", "pull": tru },
                "c": { "platforms": ["linux/amd64",], "target": "\q" }
              }
            }
            """;
        Assert.Equal(
            [
                "2: \"nope\" is no JSON value; a string must be in double quotes.", "4: A comma must stand between two items.", "4: A property's name must be in double quotes.",
                "5: A colon must stand between a property's name and its value.", "5: \"tru\" is no JSON value; a string must be in double quotes.",
                "6: JSON allows no comma after the last item.", "6: There is no such escape.",
            ],
            Faults(("a.json", text)).Select(fault => $"{fault.Subject!.Value.First.Line}: {fault.Detail}"));
    }

    [Theory]
    [InlineData("{\"target\": {\"a\": {\"context\": \".\"")]
    [InlineData("{\"target\": {\"a\": {\"tags\": [\"x\", \"y\"}}}")]
    [InlineData("{\"target\": {\"a\": {\"context: \".\"}}}")]
    [InlineData("{\"target\": {\"a\": {\"tags\": [}, \"b\": 1}}}")]
    [InlineData("{\"a\": [1, 2,, 3]}")]
    [InlineData("{\"a\": 1} x")]
    [InlineData("{\"a\": \"\\u12\"}")]
    [InlineData("[")]
    public void One_fault_of_a_JSON_file_makes_no_others(string text) => Assert.Single(Faults(("a.json", text)));

    [Fact]
    public void Every_fault_of_a_Compose_file_that_does_not_need_another_mended_is_told_of()
    {
        Assert.Equal(
            [
                "services.web.build additional properties 'contxt' not allowed", "services.web.build additional properties 'dockrfile' not allowed", "services.web.build.tags must be a list",
                "services.db.build must be a string or a mapping",
            ],
            ComposeFaults("services: {web: {build: {contxt: ., dockrfile: x, tags: a}}, db: {build: [x]}}"));
        Assert.Equal(
            ["failed to parse compose file: undefined secret a: define it under the top-level \"secrets\"", "failed to parse compose file: undefined secret b: define it under the top-level \"secrets\""],
            ComposeFaults("services: {web: {build: {context: ., secrets: [a]}}, db: {build: {context: ., secrets: [b]}}}"));
        Assert.Equal(
            [
                "error while interpolating services.web.image: required variable A is missing a value: first",
                "error while interpolating services.web.build: required variable B is missing a value: second",
            ],
            ComposeFaults("services: {web: {image: '${A:?first}', build: '${B:?second}'}}"));
    }

    private static string[] ComposeFaults(string text) =>
        Assert.Throws<BakeException>(() => Definitions.Read([("compose.yaml", text)])).Message.Split('\n');

    [Fact]
    public async Task The_command_shows_each_with_its_line_and_counts_them()
    {
        using var scene = new CliScene();
        scene.Write("docker-bake.hcl", "target \"default\" {\n\ttags = [missing]\n  args = { N = nope }\n}\n");
        var (exitCode, _, error) = await scene.RunAsync(["bake", "--print"]);
        Assert.Equal(1, exitCode);
        Assert.EndsWith(
            """
            docker-bake.hcl:2
            --------------------
               1 |     target "default" {
               2 | >>> TABtags = [missing]
                 |     TAB        ^^^^^^^
               3 |       args = { N = nope }
               4 |     }
            --------------------
            docker-bake.hcl:2,10-17: Unknown variable; There is no variable named "missing".

            docker-bake.hcl:3
            --------------------
               1 |     target "default" {
               2 |     TABtags = [missing]
               3 | >>>   args = { N = nope }
                 |                    ^^^^
               4 |     }
               5 |     
            --------------------
            docker-bake.hcl:3,16-20: Unknown variable; There is no variable named "nope".

            ERROR: docker-bake.hcl:2,10-17: Unknown variable; There is no variable named "missing"., and 1 other diagnostic(s)

            """.Replace("TAB", "\t"),
            error);
    }

    private static IReadOnlyList<HclException> Faults(string text) => Faults(("a.hcl", text));

    private static IReadOnlyList<HclException> Faults(params IReadOnlyList<(string Name, string Text)> files) =>
        Assert.Throws<HclException>(() => Definitions.Read(files)).All;
}
