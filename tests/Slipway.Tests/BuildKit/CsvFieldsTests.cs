using CsCheck;
using Slipway.BuildKit;
using Xunit;

namespace Slipway.Tests.BuildKit;

public sealed class CsvFieldsTests
{
    private static readonly Gen<string> s_field = Gen.Char["ab,\"= \n\r\té🚢"].Array[0, 8].Select(chars => new string(chars));

    [Fact]
    public void What_was_formatted_reads_back() =>
        s_field.Array[1, 6].Sample(fields => Assert.Equal(fields, CsvFields.Parse(CsvFields.Format(fields))));

    [Fact]
    public void A_line_without_quotes_splits_at_every_comma() =>
        Gen.Char["ab, ="].Array[1, 20].Select(chars => new string(chars)).Sample(line => Assert.Equal(line.Split(','), CsvFields.Parse(line)));

    [Fact]
    public void Any_line_gives_fields_or_a_plain_refusal() =>
        Gen.Char["a,\"\n"].Array[0, 12].Select(chars => new string(chars)).Sample(line =>
        {
            try
            {
                Assert.NotEmpty(CsvFields.Parse(line));
            }
            catch (InputException e)
            {
                Assert.NotEmpty(e.Message);
            }
        });

    [Theory]
    [InlineData("type=local,dest=out", new[] { "type=local", "dest=out" })]
    [InlineData("type=oci,\"dest=a,b\"", new[] { "type=oci", "dest=a,b" })]
    [InlineData("\"a\"\"b\",c", new[] { "a\"b", "c" })]
    [InlineData("a,", new[] { "a", "" })]
    [InlineData(",", new[] { "", "" })]
    [InlineData("\"\"", new[] { "" })]
    [InlineData("a\r\n", new[] { "a" })]
    [InlineData(" a , b ", new[] { " a ", " b " })]
    public void Fields_follow_Gos_rules(string line, string[] fields) => Assert.Equal(fields, CsvFields.Parse(line));

    // The texts and columns are those of Go's encoding/csv for the same lines.
    [Theory]
    [InlineData("a\"b", "parse error on line 1, column 2: bare \" in non-quoted field")]
    [InlineData("é\"b", "parse error on line 1, column 3: bare \" in non-quoted field")]
    [InlineData("\"a\"b", "parse error on line 1, column 3: extraneous or missing \" in quoted-field")]
    [InlineData("\"ab", "parse error on line 1, column 2: extraneous or missing \" in quoted-field")]
    public void A_broken_quote_is_refused(string line, string message) =>
        Assert.Equal(message, Assert.Throws<InputException>(() => CsvFields.Parse(line)).Message);

    [Fact]
    public void A_pair_keeps_its_key_as_written_and_every_further_equals_sign() =>
        Assert.Equal([new("Type", "x=y"), new("b", "")], CsvFields.ParsePairs("Type=x=y,b="));

    [Fact]
    public void A_field_that_is_no_pair_is_named() =>
        Assert.Equal("invalid field 'push' must be a key=value pair", Assert.Throws<InputException>(() => CsvFields.ParsePairs("type=image,push")).Message);
}
