using System.CommandLine;
using Slipway.Contract.Admin.V1;

namespace Slipway.Admin;

/// <summary><c>slipway admin registry</c>: what the operator's registry needs to believe this server.</summary>
internal static class RegistryCommands
{
    private const string DefaultBundle = "/etc/docker/registry/slipway.pem";

    public static Command Create() => new("registry", "The registry for saved images") { Config(), Certificates() };

    private static Command Config()
    {
        var bundle = new Option<string>("--certificates")
        {
            Description = $"where the registry finds the certificates (default {DefaultBundle})",
            DefaultValueFactory = _ => DefaultBundle,
        };
        var storage = new Option<string>("--storage")
        {
            Description = "the registry's folder (default /var/lib/docker-registry)",
            DefaultValueFactory = _ => "/var/lib/docker-registry",
        };
        var listen = new Option<string>("--listen") { Description = "the registry's own ADDRESS:PORT (default :5000)", DefaultValueFactory = _ => ":5000" };
        return new Command("config", "Print a config.yml for CNCF distribution (Debian's docker-registry)") { bundle, storage, listen }.Calls(
            Get, (parsed, registry) => Render(registry, parsed.GetRequiredValue(bundle), parsed.GetRequiredValue(storage), parsed.GetRequiredValue(listen)));
    }

    private static Command Certificates() =>
        new Command("certificates", "Print the certificates that the registry's tokens are signed under (PEM)").Calls(Get, registry => registry.Certificates);

    private static Task<Registry> Get(AdminService.AdminServiceClient client, ParseResult parsed, CancellationToken cancellation) =>
        client.GetRegistryAsync(new GetRegistryRequest(), cancellationToken: cancellation).ResponseAsync;

    private static string Render(Registry registry, string bundle, string storage, string listen) =>
        $"""
        # The registry at {registry.Url}, for the Slipway server that vouches for it.
        version: 0.1
        log:
          level: info
        storage:
          filesystem:
            rootdirectory: {Quote(storage)}
          delete:
            enabled: true
        http:
          addr: {Quote(listen)}
          # Either the registry speaks TLS itself, or a proxy before it does (which must then send X-Forwarded-Proto: https).
          # tls:
          #   certificate: /etc/docker/registry/tls.pem
          #   key: /etc/docker/registry/tls.key
        auth:
          token:
            realm: {Quote(registry.Realm)}
            service: {Quote(registry.Service)}
            issuer: {Quote(registry.Issuer)}
            rootcertbundle: {Quote(bundle)}
        """;

    // A single-quoted scalar of YAML, in which only the quote is special.
    private static string Quote(string text) => $"'{text.Replace("'", "''", StringComparison.Ordinal)}'";
}
