using Slipway.Contract.Connect;

namespace Slipway.Server.People;

/// <summary>Addresses, as people type them and as they are kept.</summary>
internal static class Emails
{
    // RFC 5321 section 4.5.3.1.
    private const int LengthMax = 254;

    /// <summary>Lower case, without spaces around it.</summary>
    public static string Check(string email) => Normalize(email) ?? throw new ApiException(
        ConnectCode.InvalidArgument, $"\"{email}\" is not an email address", "for example ann@example.com");

    public static string? Normalize(string? email)
    {
        var address = email?.Trim().ToLowerInvariant() ?? "";
        return address.Length is > 2 and <= LengthMax && address.Split('@') is [{ Length: > 0 }, { Length: > 0 }]
            && !address.Any(letter => char.IsControl(letter) || char.IsWhiteSpace(letter) || letter is '<' or '>' or '"' or ',' or ';') ? address : null;
    }
}
