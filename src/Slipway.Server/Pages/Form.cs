using Slipway.Contract.Connect;
using Slipway.Server.Sessions;

namespace Slipway.Server.Pages;

/// <summary>Forms: how they are drawn, read, and answered when what they ask for is refused.</summary>
internal static class Form
{
    public static Html Of(Visitor visitor, string action, Html fields, string button, bool isDangerous = false) => Html.Of(
        $"""
        <form method="post" action="{action}">
        {PageFrame.Key(visitor)}{fields}
        <button{(isDangerous ? new Html(" class=\"danger\"") : Html.Nothing)}>{button}</button>
        </form>
        """);

    /// <summary>A form of one button, in a row of others.</summary>
    public static Html Button(Visitor visitor, string action, string button, params (string Name, string Value)[] values) => Html.Of(
        $"""
        <form class="inline" method="post" action="{action}">{PageFrame.Key(visitor)}{Hidden(values)}<button class="quiet">{button}</button></form>
        """);

    /// <summary>What cannot be taken back opens first, says what it does, and has its own button.</summary>
    public static Html Confirm(Visitor visitor, string action, string words, string consequence, string button, params (string Name, string Value)[] values) =>
        Html.Of(
            $"""
            <details class="confirm"><summary>{words}</summary><div class="sheet"><p>{consequence}</p>{Of(visitor, action, Hidden(values), button, isDangerous: true)}</div></details>
            """);

    public static Html Problem(string problem) =>
        problem.Length == 0 ? Html.Nothing : Html.Of($"""<p class="problem" role="alert">{problem}</p>""");

    /// <summary>What was typed, without spaces around it; empty when it was not there.</summary>
    public static async Task<Func<string, string>> ReadAsync(HttpContext http)
    {
        var form = await http.Request.ReadFormAsync(http.RequestAborted);
        return name => form[name].ToString().Trim();
    }

    /// <summary>Does what a form asks for; a refusal that the person can mend shows the form again, with the reason.</summary>
    public static async Task<IResult> TryAsync(Func<Task<IResult>> work, Func<string, Page> again)
    {
        try
        {
            return await work();
        }
        catch (ApiException refused) when (refused.Code is not (ConnectCode.PermissionDenied or ConnectCode.Unauthenticated))
        {
            return again(refused.Message) with { Status = StatusOf(refused.Code) };
        }
    }

    /// <summary>After a change the browser asks for the page anew, so that loading it again changes nothing.</summary>
    public static IResult Done(HttpContext http, string path)
    {
        // 303: what comes next is a GET (RFC 9110 section 15.4.4).
        http.Response.Headers.Location = path;
        return Results.StatusCode(StatusCodes.Status303SeeOther);
    }

    public static int StatusOf(ConnectCode code) => code switch
    {
        ConnectCode.InvalidArgument or ConnectCode.OutOfRange => StatusCodes.Status400BadRequest,
        ConnectCode.NotFound => StatusCodes.Status404NotFound,
        ConnectCode.AlreadyExists or ConnectCode.FailedPrecondition or ConnectCode.Aborted => StatusCodes.Status409Conflict,
        ConnectCode.ResourceExhausted => StatusCodes.Status429TooManyRequests,
        _ => StatusCodes.Status503ServiceUnavailable,
    };

    private static Html Hidden((string Name, string Value)[] values) =>
        Html.Join(values.Select(value => Html.Of($"""<input type="hidden" name="{value.Name}" value="{value.Value}">""")));
}
