using Slipway.Contract;
using Slipway.Contract.Connect;

namespace Slipway.Server.Projects;

/// <summary>What people may call things.</summary>
internal static class Names
{
    public static string Check(string name, string what)
    {
        var trimmed = name.Trim();
        if (trimmed.Length is 0 or > Limits.NameLengthMax || trimmed.Any(char.IsControl))
        {
            throw new ApiException(
                ConnectCode.InvalidArgument,
                $"\"{new string([.. name.Take(40).Where(letter => !char.IsControl(letter))])}\" cannot be the name of a {what}",
                $"use 1 to {Limits.NameLengthMax} printable characters");
        }

        return trimmed;
    }
}
