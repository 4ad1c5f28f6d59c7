using System.Text;

namespace Slipway.BuildKit.Auth;

/// <summary>What one registry takes as proof: a password, an identity token, or a ready-made bearer token. Prints as <c>***</c>.</summary>
public sealed record RegistryCredential
{
    public string Username { get; init; } = "";

    public string Password { get; init; } = "";

    /// <summary>A refresh token, used in the place of username and password.</summary>
    public string IdentityToken { get; init; } = "";

    /// <summary>A bearer token that is sent as it is.</summary>
    public string RegistryToken { get; init; } = "";

    /// <summary>The user name as BuildKit's auth service wants it: empty when <see cref="Secret"/> is an identity token.</summary>
    public string SecretUsername => IdentityToken.Length > 0 ? "" : Username;

    /// <summary>The identity token, or else the password.</summary>
    public string Secret => IdentityToken.Length > 0 ? IdentityToken : Password;

    /// <summary>The credential that <c>DEPOT_PUSH_REGISTRY_USERNAME</c>, <c>_PASSWORD</c> and <c>_AUTH</c> describe, or null when they do not.</summary>
    /// <exception cref="InputException"><paramref name="auth"/> is not base64 of <c>user:password</c>.</exception>
    public static RegistryCredential? FromOverrides(string? username, string? password, string? auth)
    {
        if (!string.IsNullOrEmpty(username) && !string.IsNullOrEmpty(password))
        {
            return new RegistryCredential { Username = username, Password = password };
        }

        if (string.IsNullOrEmpty(auth))
        {
            return null;
        }

        return TryDecode(auth, out var credential)
            ? credential
            : throw new InputException("DEPOT_PUSH_REGISTRY_AUTH must be base64 of user:password; encode it with: printf 'user:password' | base64 -w0");
    }

    /// <summary>Reads Docker's <c>auth</c> value: base64 of <c>user:password</c>.</summary>
    public static bool TryDecode(string auth, out RegistryCredential credential)
    {
        credential = new RegistryCredential();
        var buffer = new byte[auth.Length];
        if (!Convert.TryFromBase64String(auth, buffer, out var length))
        {
            return false;
        }

        var text = Encoding.UTF8.GetString(buffer, 0, length);
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        if (colon <= 0)
        {
            return false;
        }

        // Old clients padded the password with NUL bytes.
        credential = new RegistryCredential { Username = text[..colon], Password = text[(colon + 1)..].Trim('\0') };
        return true;
    }

    public override string ToString() => "***";
}
