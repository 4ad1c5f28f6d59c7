using System.Security.Cryptography;
using Slipway.Contract.Tokens;

namespace Slipway.Server.Login;

/// <summary>What a person compares between terminal and browser: <c>7kqw-m2xe-pd4t-9hra</c>, 78 bits.</summary>
internal static class LoginCode
{
    private const string Alphabet = "23456789abcdefghjkmnpqrstvwxyz";
    private const int Group = 4;
    private const int Groups = 4;

    public static string Create() =>
        string.Join('-', Enumerable.Range(0, Groups).Select(_ => RandomNumberGenerator.GetString(Alphabet, Group)));

    public static string Hash(string code) => TokenText.Hash("login " + code);
}
