using System.Text.RegularExpressions;

namespace Slipway.Server.Downloads;

/// <summary>A script that installs the client, with this server's address in it.</summary>
/// <param name="template">Has <c>@SERVER@</c> and <c>@SIGNING_KEY@</c> in single quotes.</param>
/// <param name="refusal">Says {0} and fails.</param>
/// <param name="quote">How a single quote is written between single quotes.</param>
internal sealed partial class InstallScript(string template, string refusal, string quote)
{
    public static readonly InstallScript Shell = new(Read("install-cli.sh"), "#!/bin/sh\necho 'install-cli: error: {0}' >&2\nexit 1\n", @"'\''");

    public static readonly InstallScript PowerShell = new(Read("install-cli.ps1"), "throw 'install-cli: error: {0}'\n", "''");

    /// <param name="server">The address that clients are to use.</param>
    /// <param name="signingKey">The public key, as PEM, that downloads must be signed with.</param>
    /// <exception cref="FormatException">The address or the key holds what does not belong into a script.</exception>
    public string Render(string server, string? signingKey)
    {
        var address = server.TrimEnd('/');
        if (!Address().IsMatch(address) || (signingKey is not null && !PublicKey().IsMatch(signingKey)))
        {
            throw new FormatException("The server's address or its signing key is malformed.");
        }

        return template.Replace("@SERVER@", address, StringComparison.Ordinal)
            .Replace("@SIGNING_KEY@", signingKey ?? "", StringComparison.Ordinal);
    }

    /// <summary>A script that says why and fails: a pipe into a shell runs whatever it is sent, the text of an error too.</summary>
    public string Refuse(string reason) => refusal.Replace("{0}", reason.Replace("'", quote, StringComparison.Ordinal), StringComparison.Ordinal);

    private static string Read(string name)
    {
        using var stream = typeof(InstallScript).Assembly.GetManifestResourceStream(name)!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    // What stands between single quotes in the script: nothing that could end them.
    [GeneratedRegex(@"^https?://[A-Za-z0-9._~:/\[\]%-]+$")]
    private static partial Regex Address();

    [GeneratedRegex(@"^-----BEGIN PUBLIC KEY-----[A-Za-z0-9+/=\r\n]+-----END PUBLIC KEY-----$")]
    private static partial Regex PublicKey();
}
