using System.Collections.Concurrent;
using System.Text.Encodings.Web;
using System.Xml.Linq;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.OpenIdConnect;
using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Microsoft.AspNetCore.DataProtection.Repositories;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using Microsoft.IdentityModel.Tokens;
using Slipway.Server.Access;
using Slipway.Server.Audit;
using Slipway.Server.People;
using Slipway.Server.Sessions;
using Slipway.Server.Storage;

namespace Slipway.Server.Pages;

/// <summary>Signing in through the operator's OpenID Connect provider: authorization code, PKCE, state and nonce are the framework's.</summary>
internal static class ProviderSignIn
{
    public const string StartPath = "/sign-in/provider";
    private const string CallbackPath = "/sign-in/callback";
    private const string Scheme = "provider";

    public static void AddProviderSignIn(this IServiceCollection services, ServerOptions options)
    {
        // State and nonce live for the minutes of one sign-in: keys that end with the process need no keeping.
        services.Configure<KeyManagementOptions>(keys => keys.XmlRepository = new ProcessKeys());
        services.AddAuthentication(OwnSessions.Scheme)
            .AddScheme<AuthenticationSchemeOptions, OwnSessions>(OwnSessions.Scheme, null)
            .AddOpenIdConnect(Scheme, handler => Configure(handler, options));
    }

    public static void MapProviderSignIn(this IEndpointRouteBuilder pages) => pages.MapGet(StartPath, (string? to) => Results.Challenge(
        new AuthenticationProperties { RedirectUri = PageGate.LocalPath(to) }, [Scheme]));

    private static void Configure(OpenIdConnectOptions handler, ServerOptions options)
    {
        handler.Authority = options.SignInIssuer;
        handler.ClientId = options.SignInClientId;
        handler.ClientSecret = File.ReadAllText(options.SignInClientSecretFile!).Trim();
        handler.RequireHttpsMetadata = !new Uri(options.SignInIssuer!).IsLoopback;
        handler.TimeProvider = options.Clock;
        handler.ResponseType = OpenIdConnectResponseType.Code;
        handler.ResponseMode = OpenIdConnectResponseMode.Query;
        handler.UsePkce = true;
        handler.CallbackPath = CallbackPath;
        handler.GetClaimsFromUserInfoEndpoint = true;
        handler.MapInboundClaims = false;
        handler.SaveTokens = false;
        handler.DisableTelemetry = true;
        handler.Scope.Add("email");
        handler.TokenValidationParameters.ValidAlgorithms = [SecurityAlgorithms.RsaSha256, SecurityAlgorithms.EcdsaSha256];
        handler.CorrelationCookie.SameSite = handler.NonceCookie.SameSite = SameSiteMode.Lax;
        handler.CorrelationCookie.SecurePolicy = handler.NonceCookie.SecurePolicy =
            options.PublicUrl?.StartsWith("https:", StringComparison.OrdinalIgnoreCase) == true ? CookieSecurePolicy.Always : CookieSecurePolicy.SameAsRequest;

        handler.SignInScheme = OwnSessions.Scheme;
        handler.Events = new OpenIdConnectEvents
        {
            OnRedirectToIdentityProvider = context =>
            {
                context.ProtocolMessage.RedirectUri = context.HttpContext.RequestServices.GetRequiredService<SettledUrl>().Base + CallbackPath;
                return Task.CompletedTask;
            },
            OnTicketReceived = EnterAsync,
            OnRemoteFailure = context =>
            {
                context.HandleResponse();
                return RefuseAsync(context.HttpContext, context.Failure?.Message ?? "no reason was given", "The provider did not sign you in. Try again.");
            },
        };
    }

    private static async Task EnterAsync(TicketReceivedContext context)
    {
        context.HandleResponse();
        var http = context.HttpContext;
        var services = http.RequestServices;
        var clock = services.GetRequiredService<TimeProvider>();
        var issuer = services.GetRequiredService<SettledUrl>().Options.SignInIssuer!;
        var subject = context.Principal?.FindFirst("sub")?.Value;
        var email = Emails.Normalize(context.Principal?.FindFirst("email")?.Value);
        if (subject is null || email is null || context.Principal?.FindFirst("email_verified")?.Value is not ("true" or "True"))
        {
            await RefuseAsync(http, "it vouches for no email address", "The provider does not vouch for your email address.");
            return;
        }

        var record = new AuditEntry
        {
            At = clock.Now(), Actor = $"user {email}", ActorId = subject, Address = http.Address(), Action = "user.link",
        };
        var user = await services.GetRequiredService<UserStore>().SignInExternallyAsync(
            issuer, subject, new User { Id = Ids.User(), Email = email, CreatedAt = clock.Now() }, record, http.RequestAborted);
        if (user is null)
        {
            await RefuseAsync(http, $"{email} was not invited", $"{email} was not invited to this server.");
            return;
        }

        await services.GetRequiredService<SignIn>().OpenAsync(http, user, "provider");
        http.Response.Redirect(PageGate.LocalPath(context.ReturnUri));
    }

    private static Task RefuseAsync(HttpContext http, string reason, string told)
    {
        var services = http.RequestServices;
        var url = services.GetRequiredService<SettledUrl>();
        var caller = new Caller { Kind = CallerKind.Anonymous, Name = "anonymous", Address = http.Address() };
        services.GetRequiredService<Denials>().Add(caller, "session.open", $"through the provider: {reason}");
        PageFrame.Guard(http.Response, url.IsHttps);
        return SignInPages.Form(url.Options, "/", told).ExecuteAsync(http);
    }

    /// <summary>Sessions are <see cref="SignIn"/>'s: the framework, which wants a scheme for them, finds nobody signed in.</summary>
    private sealed class OwnSessions(IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logger, UrlEncoder encoder)
        : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
    {
        public new const string Scheme = "session";

        protected override Task<AuthenticateResult> HandleAuthenticateAsync() => Task.FromResult(AuthenticateResult.NoResult());
    }

    /// <summary>Keys that end with the process.</summary>
    private sealed class ProcessKeys : IXmlRepository
    {
        private readonly ConcurrentQueue<XElement> _keys = new();

        public IReadOnlyCollection<XElement> GetAllElements() => [.. _keys];

        public void StoreElement(XElement element, string friendlyName) => _keys.Enqueue(element);
    }
}
