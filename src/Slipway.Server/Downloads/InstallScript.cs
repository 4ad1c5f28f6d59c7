using System.Text.RegularExpressions;

namespace Slipway.Server.Downloads;

/// <summary><c>install-cli.sh</c>, with this server's address in it.</summary>
internal sealed partial class InstallScript
{
    private static readonly string Template = Read();

    /// <param name="server">The address that clients are to use.</param>
    /// <param name="signingKey">The public key, as PEM, that downloads must be signed with.</param>
    /// <exception cref="FormatException">The address or the key holds what does not belong into a script.</exception>
    public static string Render(string server, string? signingKey)
    {
        var address = server.TrimEnd('/');
        if (!Address().IsMatch(address) || (signingKey is not null && !PublicKey().IsMatch(signingKey)))
        {
            throw new FormatException("The server's address or its signing key is malformed.");
        }

        return Template.Replace("@SERVER@", address, StringComparison.Ordinal)
            .Replace("@SIGNING_KEY@", signingKey ?? "", StringComparison.Ordinal);
    }

    /// <summary>A script that says why and fails: a pipe into a shell runs whatever it is sent, the text of an error too.</summary>
    public static string Refuse(string reason) =>
        $"#!/bin/sh\necho 'install-cli: error: {reason.Replace("'", "'\\''", StringComparison.Ordinal)}' >&2\nexit 1\n";

    private static string Read()
    {
        using var stream = typeof(InstallScript).Assembly.GetManifestResourceStream("install-cli.sh")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    // What stands between single quotes in the script: nothing that could end them.
    [GeneratedRegex(@"^https?://[A-Za-z0-9._~:/\[\]%-]+$")]
    private static partial Regex Address();

    [GeneratedRegex(@"^-----BEGIN PUBLIC KEY-----[A-Za-z0-9+/=\r\n]+-----END PUBLIC KEY-----$")]
    private static partial Regex PublicKey();
}
