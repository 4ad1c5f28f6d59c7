using Slipway.Bake.Definition;
using Slipway.Bake.Hcl;
using Xunit;

namespace Slipway.Tests.Bake;

/// <summary>What a definition means where buildx has no word for it, or says it otherwise.</summary>
public sealed class DefinitionTests
{
    [Fact]
    public void A_target_names_its_project_in_HCL_and_in_Compose_and_by_set()
    {
        var hcl = Definitions.Read(("a.hcl", "target \"a\" { project_id = \"one\" }\ntarget \"b\" { inherits = [\"a\"] }\ntarget \"c\" {}\n"));
        var plan = hcl.Plan(["a", "b", "c"], "c.project_id=two");
        Assert.Equal(["one", "one", "two"], plan.Targets.Values.Select(target => target.ProjectId));

        var compose = Definitions.Read(("compose.yml", "services:\n  a:\n    build:\n      context: .\n      x-depot:\n        project-id: three\n"));
        Assert.Equal("three", compose.Plan(["default"]).Targets["a"].ProjectId);
    }

    [Theory]
    [InlineData("", "", "/some/My.App_1/compose.yaml", "myapp_1-web.x")]
    [InlineData("name: files\n", "", "/some/folder/compose.yaml", "files-web.x")]
    [InlineData("name: ${OF:-files}\n", "OF=here", "compose.yaml", "here-web.x")]
    [InlineData("name: files\n", "COMPOSE_PROJECT_NAME=given", "compose.yaml", "given-web.x")]
    [InlineData("", "", "compose.yaml", "nonexistent-web.x")]
    [InlineData("", "", "-", "nonexistent-web.x")]
    [InlineData("name: files\n", "COMPOSE_COMPATIBILITY=1", "compose.yaml", "files_web.x")]
    public void A_service_without_an_image_is_called_as_Compose_calls_it(string head, string set, string file, string expected)
    {
        var plan = Definitions.Read(name => set.StartsWith(name + "=", StringComparison.Ordinal) ? set[(name.Length + 1)..] : null, (file, $"{head}services:\n  web.x:\n    build: .\n")).Plan(["default"]);
        Assert.Null(plan.Targets["web_x"].Tags);
        plan.NameImages();
        Assert.Equal([expected], plan.Targets["web_x"].Tags!);
    }

    [Fact]
    public void Only_an_image_that_has_no_name_and_is_not_pushed_gets_one()
    {
        var compose = ("compose.yml", "name: p\nservices:\n  a:\n    build: .\n  b:\n    image: b\n    build: .\n");
        string Named(params string[] overrides)
        {
            var plan = Definitions.Read(compose, ("a.hcl", "target \"own\" {}\ntarget \"heir\" { inherits = [\"a\"] }\n")).Plan(["a", "b", "own"], overrides);
            plan.NameImages();
            return string.Join(' ', plan.Targets.Values.Select(target => $"{target.Name}={string.Join(',', target.Tags ?? [])}"));
        }

        Assert.Equal("a=p-a b=b own=", Named());
        Assert.Equal("a=p-a b=b own=", Named("*.load=true"));
        Assert.Equal("a= b=b own=", Named("*.push=true"));
        Assert.Equal("a=x b=b own=", Named("a.tags=x"));
    }

    [Fact]
    public void A_linked_target_is_built_and_nothing_else_is_done_with_it()
    {
        var plan = Definitions.Read(("a.hcl", "target \"a\" { contexts = { base = \"target:b\" } }\ntarget \"b\" {\n  output = [\"type=registry\"]\n  tags = [\"b\"]\n}\n")).Plan(["a"]);
        Assert.True(plan.Targets["b"].IsLinked);
        Assert.Equal("cacheonly", Assert.Single(plan.Targets["b"].Outputs!).Type);
        Assert.False(Definitions.Read(("a.hcl", "target \"a\" {}\n")).Plan(["a"]).Targets["a"].IsLinked);
    }

    [Fact]
    public void Push_and_load_are_asked_of_the_outputs_that_were_set_before()
    {
        var definition = Definitions.Read(("a.hcl", "target \"a\" {}\n"));
        var outputs = definition.Plan(["a"], "*.push=true", "a.output=type=docker").Targets["a"].Outputs!;
        Assert.Equal(["type=docker", "type=image,push=true"], outputs.Select(output => output.Text));
    }

    [Fact]
    public void A_network_can_be_set_from_the_command_line() =>
        Assert.Equal("none", Definitions.Read(("a.hcl", "target \"a\" {}\n")).Plan(["a"], "a.network=none").Targets["a"].Network);

    [Fact]
    public void Lists_of_names_can_be_set_from_the_command_line()
    {
        var target = Definitions.Read(("a.hcl", "target \"a\" { ulimits = [\"core=0\"] }\n")).Plan(["a"], "a.ulimits+=nofile=1", "a.no-cache-filter=x", "a.no-cache-filter=y").Targets["a"];
        Assert.Equal(["core=0", "nofile=1"], target.Ulimits);
        Assert.Equal(["x", "y"], target.NoCacheFilter);
    }

    [Fact]
    public void A_reference_to_an_attribute_does_not_need_the_rest_of_its_block()
    {
        var plan = Definitions.Read(("a.hcl", "target \"a\" { args = { x = target.b.args.y } }\ntarget \"b\" {\n  args = { y = \"1\" }\n  tags = [target.a.args.x]\n}\n")).Plan(["a", "b"]);
        Assert.Equal("1", plan.Targets["a"].Args!["x"]);
        Assert.Equal(["1"], plan.Targets["b"].Tags);
    }

    [Fact]
    public void References_in_a_circle_are_refused() => Assert.Contains("reference cycle not allowed for target.", Assert.Throws<HclException>(() => Definitions.Read(
        ("a.hcl", "target \"a\" { args = target.b.args }\ntarget \"b\" { args = target.a.args }\n"))).Message);

    [Theory]
    [InlineData("number", "12", "12")]
    [InlineData("bool", "true", "true")]
    [InlineData("list(string)", "a,\"b,c\"", "[\"a\",\"b,c\"]")]
    [InlineData("set(number)", "2,1,2", "[1,2]")]
    [InlineData("map(string)", "k:v", "{\"k\":\"v\"}")]
    [InlineData("tuple([string, number])", "a,1", "[\"a\",1]")]
    public void A_typed_variable_takes_its_value_from_the_environment(string type, string text, string json)
    {
        var definition = Definitions.Read(name => name == "V" ? text : null, ("a.hcl", $"variable \"V\" {{ type = {type} }}\ntarget \"a\" {{ tags = [jsonencode(V)] }}\n"));
        Assert.Equal([json], definition.Plan(["a"]).Targets["a"].Tags);
    }

    [Fact]
    public void A_Compose_file_that_unfolds_without_end_is_refused()
    {
        var bomb = "x0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + string.Concat(Enumerable.Range(1, 9).Select(i => $"x{i}: &a{i} [*a{i - 1},*a{i - 1},*a{i - 1},*a{i - 1},*a{i - 1},*a{i - 1},*a{i - 1},*a{i - 1},*a{i - 1},*a{i - 1}]\n")) + "services: {}\n";
        Assert.Contains("too many values", Assert.Throws<BakeException>(() => Definitions.Read(("compose.yml", bomb))).Message);
    }
}
