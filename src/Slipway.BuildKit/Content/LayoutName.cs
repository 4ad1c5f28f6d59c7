namespace Slipway.BuildKit.Content;

/// <summary>What an entry of a layout's index is found by.</summary>
/// <param name="Image">The image's whole name; empty for what has only a tag, such as a cache.</param>
public sealed record LayoutName(string Image, string Tag)
{
    public static LayoutName OfTag(string tag) => new("", tag);

    /// <summary><c>registry/name:tag</c>; the tag is, as containerd's archives have it, whatever follows the name: <c>tag</c>, <c>tag@digest</c> or <c>@digest</c>.</summary>
    public static LayoutName OfImage(string image)
    {
        var name = image.Split('@')[0];
        var tag = name.IndexOf(':', name.LastIndexOf('/') + 1);
        return new LayoutName(image, tag >= 0 ? image[(tag + 1)..] : image[name.Length..]);
    }
}
