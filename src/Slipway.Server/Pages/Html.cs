using System.Net;
using System.Runtime.CompilerServices;
using System.Text;

namespace Slipway.Server.Pages;

/// <summary>Markup. Whatever is put into it is text and gets encoded, unless it is markup itself.</summary>
internal readonly record struct Html(string Markup)
{
    public static readonly Html Nothing = new("");

    public static Html Of(HtmlBuilder builder) => new(builder.ToString());

    public static Html Join(IEnumerable<Html> parts) => new(string.Concat(parts.Select(part => part.Markup)));

    public override string ToString() => Markup;
}

/// <summary>Puts a page's pieces together: <c>Html.Of($"&lt;p&gt;{name}&lt;/p&gt;")</c>.</summary>
[InterpolatedStringHandler]
internal readonly struct HtmlBuilder(int literalLength, int formattedCount)
{
    private readonly StringBuilder _text = new(literalLength + (formattedCount * 16));

    public void AppendLiteral(string markup) => _text.Append(markup);

    public void AppendFormatted(Html part) => _text.Append(part.Markup);

    public void AppendFormatted(string? text) => _text.Append(WebUtility.HtmlEncode(text));

    public void AppendFormatted(int number) => _text.Append(number);

    public void AppendFormatted(long number) => _text.Append(number);

    public override string ToString() => _text.ToString();
}
