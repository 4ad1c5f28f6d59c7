using Slipway.Bake.Definition;
using Slipway.Bake.Hcl;
using Slipway.Bake.Values;
using Xunit;

namespace Slipway.Tests.Bake;

/// <summary>Expressions of the language, one by one. What buildx makes of whole files is compared in the acceptance tests.</summary>
public sealed class HclExpressionTests
{
    private static readonly FileScope s_scope = new(new BakeInputs { Variable = _ => null, WorkingFolder = "/" });

    [Theory]
    [InlineData("1 + 2 * 3", "7")]
    [InlineData("-2 - -3", "1")]
    [InlineData("10 % 4", "2")]
    [InlineData("1 / 8", "0.125")]
    [InlineData("0.1 + 0.2", "0.3")]
    [InlineData("1e-10", "0.0000000001")]
    [InlineData("123456789012345678901234567890 * 10", "1234567890123456789012345678900")]
    [InlineData("true && !false", "true")]
    [InlineData("1 == 1.0", "true")]
    [InlineData("\"1\" == 1", "false")]
    [InlineData("null == null", "true")]
    [InlineData("true ? 1 : \"a\"", "\"1\"")]
    [InlineData("[for i in [1, 2, 3] : i * 2 if i != 2]", "[2,6]")]
    [InlineData("{for k, v in {a = 1, b = 2} : v => k}", "{\"1\":\"a\",\"2\":\"b\"}")]
    [InlineData("{for i in [1, 2, 3] : i % 2 => i...}", "{\"0\":[2],\"1\":[1,3]}")]
    [InlineData("[{a = 1}, {a = 2}][*].a", "[1,2]")]
    [InlineData("[{a = [1]}, {a = [2, 3]}].*.a[1]", "[2,3]")]
    [InlineData("null[*]", "[]")]
    [InlineData("\"x\"[*]", "[\"x\"]")]
    [InlineData("{a = 1, \"b\" : 2, (\"c\") = 3}", "{\"a\":1,\"b\":2,\"c\":3}")]
    [InlineData("\"${[1]}\"", "[1]")]
    [InlineData("\"a${1}b${true}c\"", "\"a1btruec\"")]
    [InlineData("\"%{ if true }x%{ else }y%{ endif }\"", "\"x\"")]
    [InlineData("\"%{ for i in [1, 2] }<${i}>%{ endfor }\"", "\"\\u003c1\\u003e\\u003c2\\u003e\"")]
    [InlineData("\"$${x} %%{y} \\u00e9\\n\"", "\"${x} %{y} é\\n\"")]
    [InlineData("min([3, 1, 2]...)", "1")]
    [InlineData("try(nothere, [][0], \"last\")", "\"last\"")]
    [InlineData("can(1 + \"a\")", "false")]
    [InlineData("convert([\"1\"], list(number))", "[1]")]
    [InlineData("<<EOT\n a\n  b\nEOT\n", "\" a\\n  b\\n\"")]
    [InlineData("<<-EOT\n  a\n    b\n\n  EOT\n", "\"a\\n  b\\n\\n\"")]
    public void An_expression_has_its_value(string expression, string json) =>
        Assert.Equal(json, HclJson.Write(HclParser.ParseExpression(new SourceText("test.hcl", expression)).Evaluate(s_scope)));

    [Theory]
    [InlineData("uper(\"a\")", "test.hcl:1,1-5: Call to unknown function; There is no function named \"uper\". Did you mean \"upper\"?")]
    [InlineData("upper()", "Not enough function arguments")]
    [InlineData("upper(\"a\", \"b\")", "Too many function arguments")]
    [InlineData("upper(null)", "Invalid value for \"str\" parameter: argument must not be null")]
    [InlineData("upper([])", "Invalid value for \"str\" parameter: string required")]
    [InlineData("nothere", "Unknown variable; There is no variable named \"nothere\".")]
    [InlineData("[1][1]", "test.hcl:1,4-7: Invalid index")]
    [InlineData("{a = 1}.b", "test.hcl:1,8-10: Unsupported attribute; This object does not have an attribute named \"b\".")]
    [InlineData("1 + true", "Unsuitable value for right operand: number required")]
    [InlineData("1 / 0", "Operation failed")]
    [InlineData("null ? 1 : 2", "Null condition")]
    [InlineData("\"x${null}\"", "Invalid template interpolation value; The expression result is null.")]
    [InlineData("\"x${[1]}\"", "Cannot include the given value in a string template: string required")]
    [InlineData("\"\\x\"", "Invalid escape sequence")]
    [InlineData("\"a", "Unterminated template string")]
    [InlineData("\"a\nb\"", "Invalid multi-line string")]
    [InlineData("\"%{ if true }\"", "The if directive has no endif.")]
    [InlineData("'a'", "Single quotes are not valid")]
    [InlineData("1 +", "Missing expression")]
    [InlineData("(1", "Unbalanced parentheses")]
    [InlineData("[1 2]", "Missing item separator")]
    [InlineData("{a 1}", "Missing attribute value")]
    [InlineData("{a.b = 1}", "Ambiguous attribute key")]
    [InlineData("a ? b", "Missing false expression in conditional")]
    [InlineData("1 2", "Extra characters after expression")]
    [InlineData("convert(1, list)", "The list type constructor requires one argument")]
    [InlineData("regex(\"(\", \"a\")", "invalid regexp pattern")]
    [InlineData("[for x in 1 : x]", "A value of type number cannot be used as the collection in a 'for' expression.")]
    [InlineData("{for i in [1, 1] : i => i}", "Duplicate object key")]
    public void A_fault_says_what_and_where(string expression, string message) =>
        Assert.Contains(message, Assert.Throws<HclException>(() => HclParser.ParseExpression(new SourceText("test.hcl", expression)).Evaluate(s_scope)).Message);

    [Fact]
    public void Nesting_without_end_is_refused_and_does_not_end_the_process()
    {
        foreach (var open in new[] { "(", "[", "{a=", "-", "!", "\"${", "f(", "a?" })
        {
            var text = string.Concat(Enumerable.Repeat(open, 100_000));
            Assert.Throws<HclException>(() => HclParser.ParseExpression(new SourceText("test.hcl", text)));
        }
    }

    [Fact]
    public void A_function_that_calls_itself_without_end_is_refused() => Assert.Contains("calls itself without end", Assert.Throws<HclException>(() => Definitions.Read(
        ("a.hcl", "function \"f\" {\n  params = [x]\n  result = f(x)\n}\ntarget \"a\" { tags = [f(1)] }\n"))).Message);

    [Theory]
    [InlineData("3.14159", "3.14159")]
    [InlineData("-0.5", "-0.5")]
    [InlineData("1e3", "1000")]
    [InlineData("00012", "12")]
    public void A_number_prints_as_it_is_meant(string text, string printed) => Assert.Equal(printed, HclNumber.Parse(text)!.Value.ToString());

    [Theory]
    [InlineData("1e999999999")]
    [InlineData("1.2.3")]
    [InlineData(".")]
    [InlineData("")]
    [InlineData("0x10")]
    public void What_is_no_number_is_none(string text) => Assert.Null(HclNumber.Parse(text));
}
