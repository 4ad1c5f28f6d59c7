using System.Security.Cryptography;

namespace Slipway.Server.Storage;

/// <summary>Names of things: a letter for the kind and random characters, so that an id tells nothing and cannot be guessed by counting.</summary>
internal static class Ids
{
    // No vowels but "a" and "e", and no l, o, 0, 1: nothing that reads as a word or as another character.
    private const string Alphabet = "23456789abcdefghjkmnpqrstvwxyz";

    public static string Organization() => New('o', 10);

    public static string Project() => New('p', 10);

    public static string Build() => New('b', 10);

    public static string Token() => New('t', 10);

    public static string User() => New('u', 10);

    public static string Trust() => New('r', 10);

    public static string Builder() => New('m', 10);

    public static string Lease() => New('e', 20);

    public static string Push() => New('g', 10);

    private static string New(char kind, int length) => kind + RandomNumberGenerator.GetString(Alphabet, length);
}
