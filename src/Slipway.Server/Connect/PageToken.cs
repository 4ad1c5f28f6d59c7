using System.Buffers.Text;
using System.Text;
using Slipway.Contract.Connect;

namespace Slipway.Server.Connect;

/// <summary>Where the next page of a list begins, as callers carry it: opaque to them.</summary>
internal static class PageToken
{
    public static string Write(string place) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(place));

    /// <exception cref="ApiException">It is none of this server's.</exception>
    public static string Read(string token)
    {
        try
        {
            return Encoding.UTF8.GetString(Base64Url.DecodeFromChars(token));
        }
        catch (FormatException)
        {
            throw Unknown();
        }
    }

    public static ApiException Unknown() => new(ConnectCode.InvalidArgument, "the page token is none of this server's", "begin without one");
}
