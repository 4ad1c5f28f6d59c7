namespace Slipway.Server.Pages;

/// <summary>Something to fill in: its label, a hint, and what was wrong with what was filled in, all tied to it for screen readers.</summary>
internal sealed record Field(string Name, string Label)
{
    /// <summary>A type of its own: several lines.</summary>
    public const string Lines = "lines";

    public string Value { get; init; } = "";

    public string Hint { get; init; } = "";

    public string Problem { get; init; } = "";

    public string Type { get; init; } = "text";

    public bool Required { get; init; }

    /// <summary>Value and words of each choice; none: free text.</summary>
    public IReadOnlyList<(string Value, string Words)> Choices { get; init; } = [];

    /// <summary>Narrows a list: nothing has to be filled in, and nobody needs to be told so.</summary>
    public bool IsQuestion { get; init; }

    public Html Render() => Html.Of(
        $"""
        <div class="field">
        <label for="{Name}">{Label}{(Required || IsQuestion ? Html.Nothing : new Html(" <span class=\"soft\">(optional)</span>"))}</label>
        {(Choices.Count > 0 ? Select() : Input())}
        {Said("hint", "soft", Hint)}{Said("problem", "problem", Problem)}
        </div>
        """);

    public static Html Check(string name, string words, bool isOn) => Html.Of(
        $"""<div class="field"><label class="check"><input type="checkbox" name="{name}" value="yes"{(isOn ? new Html(" checked") : Html.Nothing)}> {words}</label></div>""");

    public static Html Options(IEnumerable<(string Value, string Words)> choices, string chosen) => Html.Join(choices.Select(choice => Html.Of(
        $"<option value=\"{choice.Value}\"{(choice.Value == chosen ? new Html(" selected") : Html.Nothing)}>{choice.Words}</option>")));

    private Html Input() => Type == Lines ? Area() : Html.Of(
        $"""<input id="{Name}" name="{Name}" type="{Type}" value="{Value}" autocomplete="off" spellcheck="false"{Attributes()}>""");

    private Html Area() => Html.Of(
        $"""<textarea id="{Name}" name="{Name}" rows="3" autocomplete="off" spellcheck="false"{Attributes()}>{Value}</textarea>""");

    private Html Select() => Html.Of(
        $"""<select id="{Name}" name="{Name}"{Attributes()}>{Options(Choices, Value)}</select>""");

    private Html Attributes()
    {
        var described = string.Join(' ', new[] { Hint.Length > 0 ? $"{Name}-hint" : "", Problem.Length > 0 ? $"{Name}-problem" : "" }.Where(id => id.Length > 0));
        return Html.Of(
            $"""{(Required ? new Html(" required") : Html.Nothing)}{(described.Length > 0 ? Html.Of($" aria-describedby=\"{described}\"") : Html.Nothing)}{(Problem.Length > 0 ? new Html(" aria-invalid=\"true\"") : Html.Nothing)}""");
    }

    private Html Said(string what, string style, string text) =>
        text.Length == 0 ? Html.Nothing : Html.Of($"""<p class="{style}" id="{Name}-{what}">{text}</p>""");
}
