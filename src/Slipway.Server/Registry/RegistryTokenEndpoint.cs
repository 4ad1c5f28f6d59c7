using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Mvc;
using Slipway.Contract.Connect;
using Slipway.Server.Access;
using Slipway.Server.Audit;

namespace Slipway.Server.Registry;

/// <summary>Where clients of the registry trade a token of this server for one of the registry's.</summary>
/// <remarks>
/// Distribution's token authentication specification (GET, the token as a password) and its OAuth2 variant (POST, a form). Whatever stands in the place of the user's
/// name is not looked at. A refresh token is never given: clients keep what they have, and <c>offline_token</c> asks for nothing else.
/// </remarks>
internal sealed class RegistryTokenEndpoint(
    ImageRegistry registry, TokenAuthentication authentication, GrantScopes grant, Denials denials, TimeProvider clock)
{
    private const string Action = "registry.token";
    private const int ScopesMax = 100;

    public static void Map(IEndpointRouteBuilder routes) => routes.MapMethods(
        ImageRegistry.TokenPath,
        [HttpMethods.Get, HttpMethods.Post],
        ([FromServices] RegistryTokenEndpoint endpoint, HttpContext http) => endpoint.AnswerAsync(http));

    private async Task<IResult> AnswerAsync(HttpContext http)
    {
        http.Response.Headers.CacheControl = "no-store";
        try
        {
            var (asked, secret) = HttpMethods.IsPost(http.Request.Method)
                ? ReadForm(await http.Request.ReadFormAsync(http.RequestAborted)) : ReadQuery(http.Request);
            return await AnswerAsync(http, asked, secret);
        }
        catch (InvalidDataException malformed)
        {
            return Refuse(StatusCodes.Status400BadRequest, "UNSUPPORTED", malformed.Message);
        }
        catch (ApiException refused)
        {
            return Refuse(StatusCodes.Status400BadRequest, "DENIED", refused.Message);
        }
    }

    private async Task<IResult> AnswerAsync(HttpContext http, Asked asked, string secret)
    {
        if (asked.Service.Length > 0 && asked.Service != registry.Service)
        {
            return Refuse(
                StatusCodes.Status400BadRequest, "UNSUPPORTED", $"this server vouches for {registry.Service}, not for \"{asked.Service}\"; check the registry's config.yml: slipway admin registry config");
        }

        var caller = await authentication.IdentifyRegistryAsync(secret, http.Address(), http.RequestAborted);
        if (caller.Kind == CallerKind.Anonymous)
        {
            denials.Add(caller, Action, caller.RefusalDetail ?? caller.Refusal ?? "");
            http.Response.Headers.WWWAuthenticate = "Basic realm=\"slipway\"";
            return caller.RefusalCode == ConnectCode.ResourceExhausted
                ? Refuse(StatusCodes.Status429TooManyRequests, "TOOMANYREQUESTS", caller.Refusal!)
                : Refuse(StatusCodes.Status401Unauthorized, "UNAUTHORIZED", caller.Refusal!);
        }

        return Answer(caller, asked.Scopes);
    }

    private IResult Answer(Caller caller, IEnumerable<string> asked)
    {
        var granted = grant.Handle(caller, asked.Select(RegistryScope.TryParse).OfType<RegistryScope>());
        var token = registry.Signer.Sign(caller.Id, granted);
        return Results.Json(new JsonObject
        {
            ["token"] = token,
            ["access_token"] = token,
            ["expires_in"] = (int)RegistrySigner.Life.TotalSeconds,
            ["issued_at"] = clock.GetUtcNow().ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture),
            ["scope"] = string.Join(' ', granted),
        });
    }

    private static (Asked Asked, string Secret) ReadQuery(HttpRequest request) =>
        (Asked.Of(request.Query["service"].ToString(), request.Query["scope"]), Password(request.Headers.Authorization.ToString()));

    private static (Asked Asked, string Secret) ReadForm(IFormCollection form) => (
        Asked.Of(form["service"].ToString(), form["scope"]),
        form["grant_type"].ToString() switch
        {
            "password" => form["password"].ToString(),
            "refresh_token" => form["refresh_token"].ToString(),
            var other => throw new InvalidDataException($"the grant type is \"{other}\"; use password or refresh_token"),
        });

    /// <summary>RFC 7617; empty where there is none.</summary>
    private static string Password(string authorization)
    {
        const string scheme = "Basic ";
        if (!authorization.StartsWith(scheme, StringComparison.OrdinalIgnoreCase))
        {
            return "";
        }

        try
        {
            var pair = Encoding.UTF8.GetString(Convert.FromBase64String(authorization[scheme.Length..].Trim()));
            return pair[(pair.IndexOf(':', StringComparison.Ordinal) + 1)..];
        }
        catch (FormatException)
        {
            throw new InvalidDataException("the Authorization header is no Basic credential");
        }
    }

    private static IResult Refuse(int status, string code, string message) => Results.Json(
        new JsonObject { ["errors"] = new JsonArray(new JsonObject { ["code"] = code, ["message"] = message }) }, statusCode: status);

    private sealed record Asked(string Service, IReadOnlyList<string> Scopes)
    {
        /// <summary>A client names scopes one by one, or several with spaces between.</summary>
        public static Asked Of(string service, IEnumerable<string?> scopes)
        {
            var all = scopes.SelectMany(scope => (scope ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries)).Distinct(StringComparer.Ordinal).ToList();
            return all.Count <= ScopesMax ? new Asked(service, all) : throw new InvalidDataException($"{all.Count} scopes are asked for; at most {ScopesMax} at a time");
        }
    }
}
