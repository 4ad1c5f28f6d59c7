namespace Slipway.Server.Pages;

/// <summary>A table that becomes a list of cards where the window is narrow: each cell knows its column's name.</summary>
internal static class PageTable
{
    /// <param name="caption">What the rows are, for whoever cannot see the heading above.</param>
    public static Html Of(string caption, string[] columns, IEnumerable<Html[]> rows, Html whenEmpty)
    {
        var body = Html.Join(rows.Select(row => Html.Of($"<tr>{Html.Join(row.Select((cell, i) => Cell(columns[i], cell)))}</tr>\n")));
        return body.Markup.Length == 0 ? Html.Of($"""<p class="soft">{whenEmpty}</p>""") : Html.Of(
            $"""
            <table>
            <caption>{caption}</caption>
            <thead><tr>{Html.Join(columns.Select(column => Html.Of($"""<th scope="col">{column}</th>""")))}</tr></thead>
            <tbody>
            {body}</tbody>
            </table>
            """);
    }

    public static Html Text(string? text) => Html.Of($"{text}");

    private static Html Cell(string column, Html cell) => Html.Of($"""<td data-label="{column}">{cell}</td>""");
}
