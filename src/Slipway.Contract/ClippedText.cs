namespace Slipway.Contract;

/// <summary>Others' words in a record or a message: as many of them as somebody reads.</summary>
public static class ClippedText
{
    /// <summary>The whole, or its beginning with a sign that there was more.</summary>
    public static string Clip(this string text, int lengthMax) => text.Length <= lengthMax ? text : text[..lengthMax] + "…";
}
