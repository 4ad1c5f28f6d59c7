using System.Text;
using Depot.Cli.Docker.Configure;
using Xunit;

namespace Slipway.Tests.Cli.Docker;

/// <summary>A settings file of somebody else's, with one text changed.</summary>
public sealed class JsonEditTests
{
    public static TheoryData<string> Documents => new(
        "{}\n",
        "{\n\t\"auths\": {\n\t\t\"r\": {}\n\t}\n}",
        "{\n  \"a\": 1,\n  \"b\": [1, {\"aliases\": {\"builder\": \"no\"}}]\n}\n",
        "{\"a\":1,\"b\":\"x\"}",
        "{ \"aliases\" : { \"other\" : \"x\" } , \"z\":null }",
        "{\r\n    \"aliases\": {\r\n        \"other\": \"ü\\\"\"\r\n    },\r\n    \"z\": {}\r\n}\r\n");

    [Theory]
    [MemberData(nameof(Documents))]
    public void What_was_set_can_be_taken_back_to_the_byte(string document)
    {
        var before = Encoding.UTF8.GetBytes(document);
        var set = JsonEdit.Set(before, "buildx", "aliases", "builder");
        Assert.Equal("buildx", JsonEdit.Get(set, "aliases", "builder"));
        Assert.Equal(document, Encoding.UTF8.GetString(JsonEdit.Remove(set, "aliases", "builder")));
    }

    [Fact]
    public void New_text_is_indented_as_its_neighbours()
    {
        Assert.Equal(
            "{\n  \"a\": 1,\n  \"aliases\": {\n    \"builder\": \"buildx\"\n  }\n}",
            Text(JsonEdit.Set("{\n  \"a\": 1\n}"u8, "buildx", "aliases", "builder")));
        Assert.Equal("{\n\t\"aliases\": {\n\t\t\"builder\": \"buildx\"\n\t}\n}\n", Text(JsonEdit.Set("{}\n"u8, "buildx", "aliases", "builder")));
        Assert.Equal("{\"a\":1,\"aliases\":{\"builder\":\"buildx\"}}", Text(JsonEdit.Set("{\"a\":1}"u8, "buildx", "aliases", "builder")));
    }

    [Fact]
    public void A_value_is_replaced_where_it_stands()
    {
        var before = "{\"aliases\": {\"builder\": \"depot\", \"x\": \"y\"}, \"z\": 1}";
        Assert.Equal("{\"aliases\": {\"builder\": \"buildx\", \"x\": \"y\"}, \"z\": 1}", Text(JsonEdit.Set(Encoding.UTF8.GetBytes(before), "buildx", "aliases", "builder")));
        Assert.Equal("{\"aliases\": {\"x\": \"y\"}, \"z\": 1}", Text(JsonEdit.Remove(Encoding.UTF8.GetBytes(before), "aliases", "builder")));
    }

    [Fact]
    public void What_is_not_there_is_not_found_and_not_removed()
    {
        Assert.Null(JsonEdit.Get("{\"aliases\": 3}"u8, "aliases", "builder"));
        Assert.Equal("{\"aliases\": {}}", Text(JsonEdit.Remove("{\"aliases\": {}}"u8, "nothing")));
    }

    private static string Text(byte[] document) => Encoding.UTF8.GetString(document);
}
