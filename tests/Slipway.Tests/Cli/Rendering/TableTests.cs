using Depot.Cli.Rendering;
using Xunit;

namespace Slipway.Tests.Cli.Rendering;

public sealed class TableTests
{
    private static readonly IReadOnlyList<TableColumn<(string Id, long Duration)>> s_columns =
    [
        new("Build ID", "id", row => row.Id),
        TableColumn<(string Id, long Duration)>.OfNumber("Duration (s)", "duration", row => row.Duration),
    ];

    [Fact]
    public void Csv_quotes_only_what_needs_it() =>
        Assert.Equal("Build ID,Duration (s)\nplain,1\n\"a,b\",2\n\"say \"\"hi\"\"\",3\n\"two\nlines\",4\n\" led\",5\n,6\n", Table(("plain", 1), ("a,b", 2), ("say \"hi\"", 3), ("two\nlines", 4), (" led", 5), ("", 6)).ToCsv());

    [Fact]
    public void A_column_of_our_own_is_not_in_csv()
    {
        var table = new Table<string>([new("ID", "id", row => row), new("Trust", "trust", _ => "trusted") { IsInCsv = false }], ["b1"]);

        Assert.Equal("ID\nb1\n", table.ToCsv());
        Assert.Equal("ID  Trust\nb1  trusted\n", table.ToText());
        Assert.Contains("\"trust\": \"trusted\"", table.ToJson());
    }

    [Fact]
    public void Csv_of_nothing_is_nothing() => Assert.Equal("", Table().ToCsv());

    [Fact]
    public void Json_is_indented_and_escaped_as_Go_does() => Assert.Equal(
        "[\n  {\n    \"id\": \"a\\u003cb\",\n    \"duration\": 1\n  },\n  {\n    \"id\": \"é\",\n    \"duration\": -2\n  }\n]\n", Table(("a<b", 1), ("é", -2)).ToJson());

    [Fact]
    public void Json_of_nothing_is_an_empty_list() => Assert.Equal("[]\n", Table().ToJson());

    [Fact]
    public void Text_stands_in_columns_and_cannot_command_the_terminal() =>
        Assert.Equal("Build ID   Duration (s)\nlong name  1\nx [2J      20\n", Table(("long name", 1), ("x\e[2J", 20)).ToText());

    private static Table<(string Id, long Duration)> Table(params (string Id, long Duration)[] rows) => new(s_columns, rows);
}
