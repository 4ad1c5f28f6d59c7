namespace Slipway.BuildKit.Content;

/// <summary>A blob on its way into a layout: a file under another name until its contents are known to be right.</summary>
internal sealed class BlobFile(string path, string place) : FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0)
{
    private bool _isKept;

    /// <summary>To be called before it is disposed; else nothing is left of it.</summary>
    public void Keep() => _isKept = true;

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        if (!File.Exists(Name))
        {
            return;
        }

        if (_isKept)
        {
            if (!OperatingSystem.IsWindows())
            {
                File.SetUnixFileMode(Name, UnixFileMode.UserRead | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
            }

            File.Move(Name, place, overwrite: true);
        }
        else
        {
            File.Delete(Name);
        }
    }
}
